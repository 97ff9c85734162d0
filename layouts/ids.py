"""Every component id of the page, once. Stores first, then the shell, then the panels."""

# stores written by the reducer (assets/), read by callbacks
SESSION = "session"  # {"experiment":…, "selection":…, "view":…}: app.domain.session.Session as JSON
EXPERIMENT = "experiment"  # the same three parts again, one store each, so that a callback hears only what it needs
SELECTION = "selection"
VIEW = "view"
# stores written by callbacks
STATUS = "status"  # the last answer of GET status, or null
REFUSAL = "refusal"  # why the last draft was refused, or null
ACCEPTED = "accepted"  # {"experiment":…, "run": n}: the draft that passed, for the reducer
DIGESTS = "digests-{}"  # per analysis kind: {"baseline": digest, "intervened": digest | null, "error": text | null}
SWEEP_TICK = "sweep-tick"  # changes whenever the running sweep has new cells
SWEEP_REQUEST = "sweep-request"  # {"method":…, "runs": […], "digests": […], "run": n}: which sweeps to run now
SWEEP_END = "sweep-end"  # written once a sweep is over: {"seconds_per_head": …}, or null
ATTENTION_LAYER = "attention-layer"  # the layer wanted where a long prompt has its patterns layer by layer; else null
MODELS = "models"  # model of the picker -> its whole spec
EXAMPLES = "examples"  # listed model -> the prompt that shows it at work
TEMPLATES = "templates"  # {"light": plotly template, "dark": plotly template}
SINK = "sink-{}"  # outputs of clientside callbacks that only have side effects
# the page
PROVIDER = "mantine"
NOTIFICATIONS = "notifications"
BANNER, BANNER_TEXT = "banner", "banner-text"
KEYS_HELP, KEYS_BUTTON = "keys-help", "keys-button"
# header
MODEL_PICKER = "model-picker"
MODEL_FACTS = "model-facts"
BOS_SWITCH = "bos-switch"
PROCESSING = "processing"
WORKSPACES = "workspaces"
UNDO, REDO, COPY_LINK, THEME = "undo", "redo", "copy-link", "theme"
EXPORT_MENU, EXPORT_DOWNLOAD = "export-menu", "export-download"
JOBS = "jobs"
# rail
CLEAN, CORRUPTED = "clean-prompt", "corrupted-prompt"
ANSWER, INCORRECT_ANSWER = "answer", "incorrect-answer"
RUN, DRAFT_HINT = "run", "draft-hint"
TOKEN_STRIP, TOKEN_DIFF = "token-strip", "token-diff"
TOKEN_COUNT = "token-count"
INTERVENTIONS = "interventions"
REFUSAL_TEXT = "refusal-text"
# selection bar
SELECTION_BAR = "selection-bar"
SELECTION_CHIPS = "selection-bar-chips"
PIN, CLEAR, ABLATE_SELECTED, PATCH_SELECTED = "pin", "clear", "ablate-selected", "patch-selected"
ABLATE_METHOD = "ablate-method"
SHOW = "show"
# panels
HEAD_MATRIX, QUANTITY = "head-matrix", "quantity"
SWEEP_START, SWEEP_CANCEL, SWEEP_PROGRESS, SWEEP_TEXT, SWEEP_METHOD = (
    "sweep-start", "sweep-cancel", "sweep-progress", "sweep-text", "sweep-method",
)  # fmt: skip
COMPONENTS = "components"
ATTENTION = "attention"
ATTENTION_HEAD = "attention-head"
TRAJECTORY = "trajectory"
LENS = "lens"
PREDICTION, READOUT = "prediction", "readout"
PANELS = (HEAD_MATRIX, TRAJECTORY, COMPONENTS, ATTENTION, LENS, PREDICTION)
# parts that every panel has; format with the panel's id
PANEL = "{}-panel"
MESSAGE = "{}-message"
OF = "{}-of"
BUSY = "{}-busy-{}"
"""Panel, analysis kind: the thin line that moves while that kind is computed."""
# status bar
PROVENANCE, METERS, CACHE = "provenance", "meters", "cache"
PHASE = "phase"

ANALYSIS_KINDS = (
    "prediction", "direct_logit_attribution", "residual_trajectory", "attention_pattern", "logit_lens",
    "correctness_meters",
)  # fmt: skip
SWEEP_METHODS = ("zero", "mean")
"""Kinds that are swept on request: their digest stores are `digests-zero` and `digests-mean`."""


def export_item(panel: str, form: str) -> dict[str, str]:
    """The id of one entry of a panel's export menu."""
    return {"type": "export", "panel": panel, "format": form}
