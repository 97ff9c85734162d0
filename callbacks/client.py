"""Hooks into assets/*.js: each function has only side effects, so its output is a store that nobody reads."""

from dash import ClientsideFunction, Dash, Input, Output

from layouts import ids

HOOKS: dict[str, tuple[tuple[str, str], ...]] = {
    "status": ((ids.STATUS, "data"),),
    "attention": ((ids.DIGESTS.format("attention_pattern"), "data"), (ids.VIEW, "data")),
    "accept": ((ids.ACCEPTED, "data"),),
    "model": ((ids.MODEL_PICKER, "value"), (ids.PROCESSING, "value"), (ids.BOS_SWITCH, "checked")),
}


def register(app: Dash) -> None:
    """One clientside callback per hook, by name from window.dash_clientside.microtome."""
    for name, heard in HOOKS.items():
        inputs = [Input(component, prop) for component, prop in heard]
        app.clientside_callback(ClientsideFunction("microtome", name), Output(ids.SINK.format(name), "data"), *inputs)
