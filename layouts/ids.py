"""Every component id of the page, once. Stores first, then the shell, then the panels."""

# stores written by the reducer (assets/), read by callbacks
SESSION = "session"  # {"experiment":…, "selection":…, …}: app.domain.session.Session as JSON
EXPERIMENT = "experiment"  # its parts again, one store each, so that a callback hears only what it needs
SELECTION = "selection"
SELECTED_PATCH = "selected-patch"  # the same while that workspace is on screen: what its panels hear
SELECTED_ATTENTION = "selected-attention"
VIEW = "view"
SHOWN = "shown"  # changes, after the view, with what is shown of every run: what panels hear that know no workspace
ATTENDED = "attended"  # the same, and what is shown of attention
SWEEP = "sweep"
HEADS = "heads"  # which numbers of the heads are shown: app.domain.heads_asked.HeadsAsked
DIRECTIONS = "directions"  # the library: app.domain.directions.NamedDirection
DIRECTION_ASKED = "direction-asked"  # what the *Direction* section asks for; null while it is not on screen
DIRECTION_LOOKED = "direction-looked"  # the named direction that is looked at; null in an empty library
RESIDUAL = "residual"  # what that workspace shows: app.domain.residual_asked.ResidualAsked
NOTES = "notes"  # what the person wrote about heads: app.domain.role_notes.RoleNote
PROMPT_SHOWN = "prompt-shown"  # the number of the prompt on screen, written after the selection where it changes
# stores written by callbacks
STATUS = "status"  # the last answer of GET status, or null
REFUSAL = "refusal"  # why the last draft was refused, or null
ACCEPTED = "accepted"  # {"experiment":…, "run": n}: the draft that passed, for the reducer
DIGESTS = "digests-{}"  # per analysis kind: {"baseline": digest, "intervened": digest | null, "error": text | null},
# and the "number" of the experiment that they are of, which the experiment's store has (assets/30-store.js)
TICK = "{}-tick"  # per sweeping panel: changes whenever its running sweep has new cells
ENDED = "{}-ended"  # per sweeping panel: changes whenever one of its sweeps has ended
MATRIX_ASKED = "matrix-asked"  # changes when the page wants the server to draw the head matrix
HEAD_CHOICES = "head-choices"  # name -> how that number of the heads is read: app.domain.head_choices.described()
DONE = "{}-done"  # per sweeping panel: whether nothing is left to run of what is shown
COUNTED = "{}-counted"  # per sweeping panel: {"digests": […], "left": …} whose cost is to be said
REQUEST = "{}-request"  # {"recipes": […], "digests": […], "text": …, "start": …, "run": n}: what to run now
OF_SWEEPS = (TICK, ENDED, DONE, COUNTED, REQUEST)
ATTENTION_LAYER = "attention-layer"  # the layer wanted where a long prompt has its patterns layer by layer; else null
ATTENTION_BESIDE = "attention-beside"  # digests of what is asked for beside patterns (callbacks/attention_beside.py)
LENS_ASKED = "lens-asked"  # {"lens", "folder", "fingerprint"} of a tuned lens; null for the logit lens
SAE_ASKED, SAE_SHOWN = "sae-asked", "sae-shown"  # {"folder", "fingerprint", "feature"}, null off screen; what ranks
SAE_READ = "sae-read"  # {"folder", "fingerprint"}: an autoencoder that fits the model
MAP_ASKED = "map-asked"  # what the map of activations is computed for; null while it is not on screen
READING = "strength-reading"  # changes whenever the strength curve lacks the metric that the page wants
LENS_READ = "lens-read"  # {"folder", "fingerprint"}: a tuned lens that fits the model
PLATE = "plate"  # the figure that is put together of panels
TAKEN = "taken"  # what the export menu gives to the page: a panel for the figure, text for the clipboard
EXPORT_OF = "export-of"  # the panel that the export menu is open for, or "page"
HELP_TEXTS = "help-texts"  # panel -> {"formula": …, "reading": …, "sign": …, "unit": …}
MODELS = "models"  # model of the picker -> its whole spec
EXAMPLES = "examples"  # listed model -> the prompt that shows it at work
TEMPLATES = "templates"  # {"light": plotly template, "dark": plotly template}
SINK = "sink-{}"  # outputs of clientside callbacks that only have side effects
# the page
PROVIDER = "mantine"
NOTIFICATIONS = "notifications"
BANNER, BANNER_TEXT = "banner", "banner-text"
EXPORT_ENTRIES, HELP_CARD = "export-entries", "help-card"
KEYS_HELP, KEYS_BUTTON = "keys-help", "keys-button"
# header
MODEL_PICKER = "model-picker"
MODEL_FACTS = "model-facts"
BOS_SWITCH = "bos-switch"
PROCESSING = "processing"
WORKSPACES = "workspaces"
SECTIONS = "sections"  # of the *Residual* workspace
UNDO, REDO, COPY_LINK, COPY_SHORT_LINK, THEME = "undo", "redo", "copy-link", "copy-short-link", "theme"
EXPORT_PAGE, EXPORT_DOWNLOAD = "export-page", "export-download"
JOBS = "jobs"
# rail
CLEAN, CORRUPTED = "clean-prompt", "corrupted-prompt"
ANSWER, INCORRECT_ANSWER = "answer", "incorrect-answer"
FOUND = "{}-found"  # what the vocabulary has for what is typed into a picker
RUN, DRAFT_HINT = "run", "draft-hint"
TOKEN_STRIP, TOKEN_DIFF = "token-strip", "token-diff"
TOKEN_COUNT = "token-count"
INTERVENTIONS = "interventions"
REFUSAL_TEXT = "refusal-text"
# rail: its other side, the history of runs, and the dialog that compares two
RAIL_SIDE, HISTORY_SIDE, HISTORY_LIST = "rail-side", "history-side", "history-list"
HISTORY_COUNT, HISTORY_CLEAR, HISTORY = "history-count", "history-clear", "history"
"""HISTORY is a store, written only for an export of the session: app.domain.history.PastRun."""
COMPARE, COMPARED = "compare", "compared"
# rail: the prompt set, and the dialog that fills it
BASE = "base"
PROMPT_COUNT, PROMPT_LIST = "prompt-count", "prompt-list"
PROMPTS_OPEN, PROMPTS_CSV, PROMPTS_DIALOG = "prompts-open", "prompts-csv", "prompts-dialog"
PROMPTS_TEXT, PROMPTS_UPLOAD, PROMPTS_REFUSAL = "prompts-text", "prompts-upload", "prompts-refusal"
PROMPTS_SAID = "prompts-said"
TEMPLATE, TEMPLATE_COUNT, TEMPLATE_SEED, TEMPLATE_FILL = (
    "template", "template-count", "template-seed", "template-fill",
)  # fmt: skip
PROMPTS_CURRENT, PROMPTS_ADD, PROMPTS_REPLACE = "prompts-current", "prompts-add", "prompts-replace"
PROMPTS_READ = "prompts-read"
OPEN_FILE, OPENED_FILE, OPENED_READ = "open-file", "opened-file", "opened-read"
"""Store: {"prompts": […], "add": bool, "run": n}: what was read from the text and holds, for the reducer."""
# rail: the form of one intervention
INTERVENTION_ADD = "intervention-add"
FORM, FORM_BODY, FORM_REFUSAL, FORM_APPLY, FORM_SELECTION = (
    "form", "form-body", "form-refusal", "form-apply", "form-selection",
)  # fmt: skip
FORM_READ = "form-read"
"""Store: {"interventions": […], "run": n}: what was read from the form and holds, for the reducer."""
FORM_FIELDS = (
    "kind", "activation", "layers", "heads", "positions", "neurons", "edges", "method", "reference", "texts", "pooled",
    "seed", "draw", "source", "source_positions", "value", "renormalise", "scale", "freeze", "prompts",
    "change", "direction", "also", "strength", "unit", "clamp", "to", "share",
)  # fmt: skip
FORM_FIELD = "form-{}"
# rail: the library of directions, and the dialog that makes one
DIRECTION_LIST, DIRECTION_NEW, DIRECTIONS_COPY = "direction-list", "direction-new", "directions-copy"
DIRECTION_TOLD = "direction-told"
DIRECTION_FORM, DIRECTION_BODY, DIRECTION_REFUSAL, DIRECTION_SAID, DIRECTION_MAKE, DIRECTION_UPLOAD = (
    "direction-form", "direction-body", "direction-refusal", "direction-said", "direction-make", "direction-upload",
)  # fmt: skip
DIRECTION_FILE = "direction-file"  # {"digest", "name"} of the file that numbers are taken from
DIRECTION_READ = "direction-read"
"""Store: {"directions": [{"name", "direction"}, …], "run": n}: what was made, for the reducer."""
DIRECTION_FIELDS = (
    "kind", "name", "tokens", "minus_tokens", "matrix", "activation", "layer", "groups", "position", "plus", "minus",
    "component", "C", "held_out", "head", "rank", "side", "folder", "feature", "numbers", "source",
    "json", "of", "seed",
)  # fmt: skip
DIRECTION_FIELD = "direction-form-{}"
# selection bar
SELECTION_BAR = "selection-bar"
SELECTION_CHIPS = "selection-bar-chips"
PIN, CLEAR, ABLATE_SELECTED, PATCH_SELECTED = "pin", "clear", "ablate-selected", "patch-selected"
ABLATE_METHOD, SAVE_DIRECTION = "ablate-method", "save-direction"
SHOW = "show"
# the bar of *Direction*: what is done along the direction that is looked at
ALONG, ALONG_OF, ALONG_STRENGTH = "along", "along-of", "along-strength"
ALONG_STEER, ALONG_CLAMP, ALONG_OUT, ALONG_SWAP = "along-steer", "along-clamp", "along-out", "along-swap"
# panels
HEAD_MATRIX, QUANTITY = "head-matrix", "quantity"
HEAD_QUERY, HEAD_VIEWS = "head-query", "head-views"
COMPONENTS = "components"
ATTENTION = "attention"
ATTENTION_HEAD = "attention-head"
ATTENTION_OF, ATTENTION_MINUS, ATTENTION_TEXT = "attention-together", "attention-minus", "attention-text"
ATTENTION_BY, ATTENTION_ZOOM = "attention-by", "attention-zoom"
THUMBNAILS_SCALE = "thumbnails-scale"
ATTENTION_WHY = "attention-why"  # what to do where there is no picture
CUT, CUT_MODE = "cut", "cut-mode"
THUMBNAILS = "thumbnails"
TRAJECTORY = "trajectory"
LENS = "lens"
LENS_COLOUR, LENS_KIND, LENS_FOLDER, LENS_SAID = "lens-colour", "lens-kind", "lens-folder", "lens-said"
TOKEN_TRAJECTORY, LENS_TOKENS = "token-trajectory", "lens-tokens"
TOKEN_PICKERS = (ANSWER, INCORRECT_ANSWER, LENS_TOKENS, *map(DIRECTION_FIELD.format, ("tokens", "minus_tokens")))
DECOMPOSITION = "decomposition"
NEURONS, NEURON_CARD, NEURON_ABLATE = "neurons", "neuron-card", "neuron-ablate"
NEURONS_BY, NEURONS_LAYER = "neurons-by", "neurons-layer"
SAE_FEATURES, SAE_CARD = "sae-features", "sae-card"
SAE_BY, SAE_FOLDER, SAE_SAID, SAE_FEATURE = "sae-by", "sae-folder", "sae-said", "sae-feature"
SAE_ABLATE, SAE_STEER, SAE_KEEP = "sae-ablate", "sae-steer", "sae-keep"
PARTS_LEVEL, PARTS_SCALE, PARTS_OVER = "parts-level", "parts-scale", "parts-over"
COMPONENT_LENS, COMPONENT_LAYER, COMPONENT_ROWS = "component-lens", "component-layer", "component-rows"
GEOMETRY, GEOMETRY_DRAWN = "geometry", "geometry-drawn"
ACTIVATION_MAP, MAP_GROUPS = "activation-map", "map-groups"
MAP_METHOD, MAP_ACTIVATION, MAP_LAYER = "map-method", "map-activation", "map-layer"
MAP_POSITIONS, MAP_COLOUR = "map-positions", "map-colour"
PREDICTION, READOUT = "prediction", "readout"
SWEEP_MAP, AGAINST, STRIP = "sweep-map", "against", "strip"
"""The map of a sweep cannot be called `sweep`: that is the store."""
BESIDE = (AGAINST, "against-2", "against-3")
"""The sweeps beside the map, in order: their panels, and their digest stores are called the same."""
AGAINST_AS, SWEEP_NAME, AGREEMENT = "against-as", "sweep-name", "{}-agreement"
SELF_REPAIR, GENERATION = "self-repair", "generation"
MAX_NEW_TOKENS, TEMPERATURE, GENERATION_SEED = "max-new-tokens", "temperature", "generation-seed"
PATHS = "paths"
HEAD_CARD, CARD_ROWS, CARD_LABEL, CARD_COPY = "head-card", "card-rows", "card-label", "card-copy"
CARD_PATTERNS = "card-patterns"
ROLE_NOTE = "role-note"
CARD_TEXT = "card-text"
"""Store: the number of the background text whose pattern the head card shows."""
CARD_ASKED = "card-asked"
"""Store: changes whenever something of the head card has been computed."""
HEAD_READING = "head-reading"
DIRECTION_CARD, DIRECTION_CARD_BODY = "direction-card", "direction-card-body"
# the direction that is looked at, in *Residual*
PROJECTION, DISTRIBUTION, WRITERS, READERS = "projection", "distribution", "writers", "readers"
PROJECTION_ACTIVATION, PROJECTION_NORMALISED = "projection-activation", "projection-normalised"
DISTRIBUTION_BY, WRITERS_PROMPTS, READERS_BY = "distribution-by", "writers-prompts", "readers-by"
# the strength curve
STRENGTH, STRENGTH_SAID, STRENGTH_PROMPTS = "strength", "strength-said", "strength-prompts"
STRENGTH_LAYER, STRENGTH_POSITIONS, STRENGTH_BY = "strength-layer", "strength-positions", "strength-by"
STRENGTH_LOW, STRENGTH_HIGH, STRENGTH_COUNT = "strength-low", "strength-high", "strength-count"
STRENGTH_PLACEBOS, STRENGTH_TOKENS, STRENGTH_METRIC = "strength-placebos", "strength-tokens", "strength-metric"
PANELS = (
    HEAD_MATRIX, TRAJECTORY, COMPONENTS, ATTENTION, LENS, PREDICTION,
    SWEEP_MAP, *BESIDE, STRIP, SELF_REPAIR, GENERATION, PATHS, THUMBNAILS, HEAD_CARD, HEAD_READING,
    TOKEN_TRAJECTORY, COMPONENT_LENS, DIRECTION_CARD, DECOMPOSITION,
    PROJECTION, DISTRIBUTION, WRITERS, READERS, STRENGTH, GEOMETRY, ACTIVATION_MAP,
    NEURONS, NEURON_CARD, SAE_FEATURES, SAE_CARD,
)  # fmt: skip
# what is swept and how it is read; each writes one field of the session's sweep (assets/)
SWEEP_METHOD, SWEEP_ACTIVATION, SWEEP_BY = "sweep-method", "sweep-activation", "sweep-by"
SWEEP_WINDOW, SWEEP_RESTRICT, SWEEP_AGAINST = "sweep-window", "sweep-restrict", "sweep-against"
SWEEP_METRIC, SWEEP_NORMALISED, SWEEP_SIGNIFICANT = "sweep-metric", "sweep-normalised", "sweep-significant"
SWEEP_REFERENCE, SWEEP_POOLED, SWEEP_DRAWS = "sweep-reference", "sweep-pooled", "sweep-draws"
SWEEP_SEED, SWEEP_FREEZE, SWEEP_DIRECTION = "sweep-seed", "sweep-freeze", "sweep-direction"
SWEEP_SOFTMAX, SWEEP_GRAD_DROP, SWEEP_STEPS = "sweep-softmax", "sweep-grad-drop", "sweep-steps"
SWEEP_NOISE, SWEEP_NOISE_SCALE, SWEEP_ONE_SCALE = "sweep-noise", "sweep-noise-scale", "sweep-one-scale"
SWEEP_NOISE_SEED, SWEEP_LAYER = "sweep-noise-seed", "sweep-layer"
PATHS_COMPONENT, PATHS_DIRECTION, PATHS_HOLD = "paths-component", "paths-direction", "paths-hold"
FIELD = "{}-field"
"""Control: its label and itself, hidden where it does not apply."""
# parts of the panels that sweep; format with the panel's id
START, CANCEL, PROGRESS, PROGRESS_TEXT, FOOT = "{}-start", "{}-cancel", "{}-progress", "{}-text", "{}-foot"
# parts that every panel has; format with the panel's id
PANEL, TITLE = "{}-panel", "{}-title"
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
"""Methods of the head matrix, swept on request: their digest stores are `digests-zero` and `digests-mean`."""
SWEEPING = (HEAD_MATRIX, SWEEP_MAP, AGAINST, PATHS, GENERATION, STRENGTH, ACTIVATION_MAP)
"""Panels that run sweeps, or what takes as long."""
PATCH_KINDS = ("sweep", *BESIDE, "self_repair", "generation", "paths")
"""Digest stores of the *Ablate & patch* workspace."""
CARD_KINDS = ("head_statistics", "background_statistics", "head_tokens", "behaviour_scores", "copying_scores")
"""Digest stores of the head card: statistics on the prompt and on background texts, the tokens that heads promote, and
scores of the model alone."""
BACKGROUND_PATTERN = "digests-background_pattern"
"""Digest store of the attention on one background text, with its number and its tokens."""


def export_item(form: str) -> dict[str, str]:
    """The id of one entry of the export menu."""
    return {"type": "export", "format": form}
