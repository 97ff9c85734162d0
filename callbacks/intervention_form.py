"""The form of one intervention: what was typed becomes interventions that hold, or a refusal in the form."""

import functools
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate
from pydantic import TypeAdapter

from app.domain.errors import BadSite, MicrotomeError
from app.domain.experiment import Experiment, Switched
from app.domain.interventions import AnyIntervention, Edge, Intervention
from app.domain.recipes import parse_json, plain_json
from app.domain.session import Session as Whole
from app.domain.session import session_dict
from app.domain.sites import HEAD_ACTIVATIONS, NEURON_ACTIVATIONS
from app.engine import Engine
from callbacks.evaluate import wait_for_model
from callbacks.reading import experiment_of
from layouts import ids

MOST_INDICES = 10_000
_ADAPTER: TypeAdapter[AnyIntervention] = TypeAdapter(Intervention)
_RANGE = re.compile(r"(\d{1,7})(?:\s*[-–]\s*(\d{1,7}))?")  # people paste en dashes
_EDGE = re.compile(r"(\d{1,7})\s*(?:→|->|>|:)\s*(\d{1,7})")


# what is typed


def indices(text: Any, what: str) -> tuple[int, ...] | None:
    """`"3, 5-7"` -> (3, 5, 6, 7); nothing typed -> None, which means all."""
    parts = [part.strip() for part in re.split(r"[,;]", text if isinstance(text, str) else "") if part.strip()]
    if not parts or [part.lower() for part in parts] == ["all"]:
        return None
    found = [index for part in parts for index in _span(part, what)]
    return tuple(dict.fromkeys(found))


def _span(part: str, what: str) -> range:
    match = _RANGE.fullmatch(part)
    if match is None:
        raise BadSite(f"{what}: {part!r} is no number counted from 0; write 3, or 0-5, or several with commas between.")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 0 <= last - first < MOST_INDICES:
        raise BadSite(f"{what}: {part!r} counts no numbers upwards; write the smaller one first, as in 0-5.")
    return range(first, last + 1)


def edges(text: Any) -> tuple[Edge, ...]:
    """`"14→4, 14->2"` -> ((14, 4), (14, 2)): query and key."""
    parts = [part.strip() for part in re.split(r"[,;]", text if isinstance(text, str) else "") if part.strip()]
    found = [_EDGE.fullmatch(part) for part in parts]
    wrong = [part for part, match in zip(parts, found, strict=True) if match is None]
    if wrong or not found:
        raise BadSite(
            f"Edges: {', '.join(wrong) or 'none given'}; write query→key, as in 14→4, 14→2 (14->4 also does)."
        )
    return tuple((int(match[1]), int(match[2])) for match in found if match)


def _lines(text: Any) -> list[str]:
    return [line for line in (text if isinstance(text, str) else "").split("\n") if line.strip()]


# what it means


def read_form(form: dict[str, Any]) -> tuple[AnyIntervention, ...]:
    """One intervention, or one per layer of a window; fields that do not apply are not looked at."""
    make = {"ablate": _ablations, "patch": _patches, "knock_out_edge": _knock_outs, "gaussian_noise": _noises}
    make["along"] = _alongs
    if not isinstance(form.get("kind"), str) or form["kind"] not in make:
        raise BadSite(f"{form.get('kind')!r} is no kind of intervention; choose one of {', '.join(make)}.")
    anywhere = {
        "kind": form["kind"],
        "freeze": form.get("freeze") or [],
        "prompts": indices(form["prompts"], "Prompts"),
    }
    return tuple(_parsed(anywhere | own) for own in make[form["kind"]](form))


def _parsed(given: dict[str, Any]) -> AnyIntervention:
    return parse_json(_ADAPTER, given, "an intervention")


def _layers(form: dict[str, Any]) -> tuple[int, ...]:
    found = indices(form["layers"], "Layers")
    if found is None:
        raise BadSite("Layers: none given; write one, as in 5, or several, as in 3-6.")
    return found


def _sites(form: dict[str, Any]) -> list[dict[str, Any]]:
    activation = form["activation"]
    parts: dict[str, Any] = {"activation": activation, "positions": indices(form["positions"], "Positions")}
    if activation in HEAD_ACTIVATIONS:
        parts["heads"] = indices(form["heads"], "Heads")
    if activation in NEURON_ACTIVATIONS:
        parts["neurons"] = indices(form["neurons"], "Neurons")
    return [{**parts, "layer": layer} for layer in _layers(form)]


def _ablations(form: dict[str, Any]) -> list[dict[str, Any]]:
    own: dict[str, Any] = {"method": form["method"]}
    if form["method"] != "zero":
        own["reference"] = _lines(form["texts"]) if form["reference"] == "texts" else form["reference"]
    if form["method"] == "mean":
        own["pooled"] = bool(form["pooled"])
    if form["method"] == "resample":
        own |= {"seed": form["seed"], "draw": form["draw"]}
    return [{"site": site, **own} for site in _sites(form)]


def _patches(form: dict[str, Any]) -> list[dict[str, Any]]:
    text = form["source"] if isinstance(form["source"], str) else ""
    own: dict[str, Any] = {"source": text if text.strip() else None}
    own["source_positions"] = indices(form["source_positions"], "From its positions")
    return [{"site": site, **own} for site in _sites(form)]


def _knock_outs(form: dict[str, Any]) -> list[dict[str, Any]]:
    own = {"edges": edges(form["edges"]), "heads": indices(form["heads"], "Heads")}
    own |= {"value": form["value"], "renormalise": bool(form["renormalise"])}
    return [{"layer": layer, **own} for layer in _layers(form)]


def _noises(form: dict[str, Any]) -> list[dict[str, Any]]:
    positions = indices(form["positions"], "Positions")
    if positions is None:
        raise BadSite("Positions: none given; noise is put on chosen tokens, as in 1-3.")
    return [{"positions": positions, "scale": form["scale"], "seed": form["seed"], "draw": form["draw"]}]


def _alongs(form: dict[str, Any]) -> list[dict[str, Any]]:
    """Changes along a direction, which travels as JSON."""
    if form["change"] not in _ALONG:
        raise BadSite(f"{form['change']!r} is nothing that is done along a direction; choose {', '.join(_ALONG)}.")
    own = _ALONG[form["change"]](form)
    return [{"site": site, "kind": form["change"], **own} for site in _sites(form)]


def _direction(form: dict[str, Any]) -> Any:
    if not isinstance(form["direction"], str):
        raise BadSite("Direction: none chosen; choose one of the library, or make one in the rail.")
    return _read_json(form["direction"])


def _read_json(text: Any) -> Any:
    try:
        return plain_json(text)
    except (TypeError, ValueError):
        raise BadSite("Direction: what was chosen cannot be read; choose it again.") from None


def _steered(form: dict[str, Any]) -> dict[str, Any]:
    return {"direction": _direction(form), "strength": form["strength"], "unit": form["unit"]}


def _projected_out(form: dict[str, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {"direction": _direction(form), "to": form["to"], "share": form["share"]}
    if form["to"] == "mean":
        own["reference"] = _lines(form["texts"]) if form["reference"] == "texts" else form["reference"]
        own["pooled"] = bool(form["pooled"])
    return own


def _swapped(form: dict[str, Any]) -> dict[str, Any]:
    text = form["source"] if isinstance(form["source"], str) else ""
    also = [_read_json(each) for each in form["also"] or []]
    return {
        "directions": [_direction(form), *also], "source": text if text.strip() else None,
        "source_positions": indices(form["source_positions"], "From its positions"),
        "share": form["share"],
    }  # fmt: skip


_ALONG: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "steer": _steered,
    "clamp": lambda form: {"direction": _direction(form), "value": form["clamp"]},
    "clamp_feature": lambda form: {"direction": _direction(form), "value": form["clamp"]},
    "project_out": _projected_out,
    "swap_along": _swapped,
}


# what holds


def apply_form(engine: Engine, clicks: Any, store: Any, *values: Any) -> tuple[Any, Any]:
    """(the interventions, None), or (no_update, why not): the form stays as it is either way."""
    if clicks is None:
        raise PreventUpdate
    try:
        experiment = experiment_of(store)
        wait_for_model(engine, experiment)
        found = read_form(dict(zip(ids.FORM_FIELDS, values, strict=True)))
        spoken = checked(engine, experiment, found)
    except MicrotomeError as error:
        return no_update, str(error)
    return {"interventions": spoken, "run": clicks}, None


def checked(engine: Engine, experiment: Experiment, found: tuple[AnyIntervention, ...]) -> list[dict[str, Any]]:
    """The interventions as the page keeps them, once a run of the whole prompt set with them alone holds."""
    with_them = replace(experiment, interventions=tuple(Switched(each) for each in found))
    engine.check(with_them.set_recipe("prediction", intervened=True))
    return [item["intervention"] for item in session_dict(Whole(with_them))["experiment"]["interventions"]]


def register(app: Dash, engine: Engine) -> None:
    """Apply."""
    values = [
        State(ids.FORM_FIELD.format(name), "checked" if name in ("pooled", "renormalise") else "value")
        for name in ids.FORM_FIELDS
    ]
    app.callback(
        Output(ids.FORM_READ, "data"), Output(ids.FORM_REFUSAL, "children"), Input(ids.FORM_APPLY, "n_clicks"),
        State(ids.EXPERIMENT, "data"), *values, prevent_initial_call=True,
        running=[(Output(ids.FORM_APPLY, "disabled"), True, False)],
    )(functools.partial(apply_form, engine))  # fmt: skip
