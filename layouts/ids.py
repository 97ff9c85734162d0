"""Every component id of the page, once. Stores first, then the shell, then the panels."""

# stores written by the reducer (assets/), read by callbacks
SESSION = "session"  # {"experiment":…, "selection":…, "view":…}: app.domain.session.Session as JSON
EXPERIMENT = "experiment"  # the same three parts again, one store each, so that a callback hears only what it needs
SELECTION = "selection"
VIEW = "view"
# stores written by callbacks
STATUS = "status"  # the last answer of GET status, or null
REFUSAL = "refusal"  # why the last draft was refused, or null
DIGESTS = "digests-{}"  # per analysis kind: {"baseline": digest, "intervened": digest | null, "error": text | null}
SWEEP_TICK = "sweep-tick"  # changes whenever the running sweep has new cells
# header
MODEL_PICKER = "model-picker"
BOS_SWITCH = "bos-switch"
PROCESSING = "processing"
WORKSPACES = "workspaces"
UNDO, REDO, COPY_LINK, THEME = "undo", "redo", "copy-link", "theme"
EXPORT_MENU, EXPORT_DOWNLOAD = "export-menu", "export-download"
JOBS = "jobs"
# rail
CLEAN, CORRUPTED = "clean-prompt", "corrupted-prompt"
ANSWER, INCORRECT_ANSWER = "answer", "incorrect-answer"
RUN = "run"
TOKEN_STRIP, TOKEN_DIFF = "token-strip", "token-diff"
INTERVENTIONS = "interventions"
REFUSAL_TEXT = "refusal-text"
# selection bar
SELECTION_BAR = "selection-bar"
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
TRAJECTORY = "trajectory"
LENS = "lens"
PREDICTION = "prediction"
# status bar
PROVENANCE, METERS, CACHE = "provenance", "meters", "cache"
