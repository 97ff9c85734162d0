"""Hooks into assets/*.js: each function has only side effects, so its output is a store that nobody reads."""

from dash import ClientsideFunction, Dash, Input, Output

from layouts import ids

SWEEP_VALUES = (
    ids.SWEEP_METHOD, ids.SWEEP_AGAINST, ids.SWEEP_ACTIVATION, ids.SWEEP_BY, ids.SWEEP_WINDOW, ids.SWEEP_METRIC,
    ids.SWEEP_NORMALISED, ids.SWEEP_REFERENCE, ids.SWEEP_DRAWS, ids.SWEEP_SEED, ids.SWEEP_FREEZE, ids.SWEEP_DIRECTION,
    ids.SWEEP_STEPS, ids.SWEEP_NOISE_SCALE, ids.SWEEP_NOISE_SEED, ids.SWEEP_LAYER, ids.AGAINST_AS,
)  # fmt: skip
SWEEP_SWITCHES = (
    ids.SWEEP_RESTRICT, ids.SWEEP_SIGNIFICANT, ids.SWEEP_POOLED, ids.SWEEP_SOFTMAX, ids.SWEEP_GRAD_DROP,
    ids.SWEEP_ONE_SCALE,
)  # fmt: skip
SWEEP_CONTROLS = (*((name, "value") for name in SWEEP_VALUES), *((name, "checked") for name in SWEEP_SWITCHES))
"""What the reducer reads of the session's sweep (assets/64-sweep-controls.js)."""
HOOKS: dict[str, tuple[tuple[str, str], ...]] = {
    "status": ((ids.STATUS, "data"),),
    "attention": (
        (ids.DIGESTS.format("attention_pattern"), "data"),
        (ids.VIEW, "data"),
        (ids.ATTENTION_BESIDE, "data"),
    ),
    "accept": ((ids.ACCEPTED, "data"),),
    "draftsChosen": ((ids.ANSWER, "value"), (ids.INCORRECT_ANSWER, "value")),
    "answersFound": tuple((ids.FOUND.format(picker), "data") for picker in ids.TOKEN_PICKERS),
    "model": ((ids.MODEL_PICKER, "value"), (ids.PROCESSING, "value"), (ids.BOS_SWITCH, "checked")),
    "prompts": ((ids.PROMPTS_READ, "data"),),
    "opened": ((ids.OPENED_READ, "data"),),
    "changes": ((ids.FORM_READ, "data"),),
    "fields": tuple(
        (ids.FORM_FIELD.format(name), "value") for name in ("kind", "activation", "method", "reference", "change", "to")
    ),
    "directionMade": ((ids.DIRECTION_READ, "data"),),
    "directionFields": tuple((ids.DIRECTION_FIELD.format(name), "value") for name in ("kind", "groups")),
    "strength": tuple((name, "value") for name in (ids.STRENGTH_LOW, ids.STRENGTH_HIGH, ids.STRENGTH_COUNT)),
    "taken": ((ids.TAKEN, "data"),),
    "mapComputed": ((ids.ENDED.format(ids.ACTIVATION_MAP), "data"),),
    "sweepControls": SWEEP_CONTROLS,
    "paths": ((ids.PATHS_COMPONENT, "value"), (ids.PATHS_DIRECTION, "value"), (ids.PATHS_HOLD, "checked")),
    "heads": tuple((name, "value") for name in (ids.QUANTITY,)),
    "headCard": ((ids.HEAD_CARD, "data"),),
    "cardPattern": ((ids.BACKGROUND_PATTERN, "data"), (ids.DIGESTS.format("head_tokens"), "data")),
    "cardFound": tuple((ids.DIGESTS.format(kind), "data") for kind in (*ids.CARD_KINDS, "direct_logit_attribution")),
    "lensTokens": ((ids.LENS_TOKENS, "value"),),
    "lensRead": ((ids.LENS_READ, "data"),),
    "saeRead": ((ids.SAE_READ, "data"),),
    "generation": tuple((name, "value") for name in (ids.MAX_NEW_TOKENS, ids.TEMPERATURE, ids.GENERATION_SEED)),
}


def register(app: Dash) -> None:
    """One clientside callback per hook, by name from window.dash_clientside.microtome."""
    for name, heard in HOOKS.items():
        inputs = [Input(component, prop) for component, prop in heard]
        app.clientside_callback(ClientsideFunction("microtome", name), Output(ids.SINK.format(name), "data"), *inputs)
