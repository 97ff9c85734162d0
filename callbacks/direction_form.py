"""The dialog that makes a direction: what was typed becomes directions that can be made on the model, or a refusal.

Files only fill the numbers: what is read is what one sees. Nothing enters the library before its vector was made.
"""

import base64
import binascii
import functools
import re
from typing import Any

from dash import Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from app.domain.direction_files import arrays_in, row_of
from app.domain.directions import (
    MOST_NAME,
    AnyDirection,
    NamedDirection,
    Placebo,
    RandomDirection,
    SaeFeature,
    SingularVector,
    TokenDirection,
    Vector,
)
from app.domain.errors import BadRecipe, MicrotomeError
from app.domain.experiment import Experiment
from app.domain.recipes import plain_json
from app.domain.samples import MOST_SAMPLES
from app.domain.session import directions_json, parse_directions
from app.domain.sites import Head
from app.engine import Engine
from callbacks.evaluate import wait_for_model
from callbacks.kept_files import KeptFiles
from callbacks.reading import directions_of, experiment_of, run_text, selection_of
from layouts import ids

_PLACED = re.compile(r"(.*)\s@\s*(-?\d{1,7})\s*", re.S)
Form = dict[str, Any]
Sample = dict[str, Any]


# what is typed


def texts_of(typed: Any, position: int | None) -> list[Sample]:
    """`"The cat @ 3"` on a line of its own -> its text and position; without one, `position`."""
    lines = [line for line in (typed if isinstance(typed, str) else "").split("\n") if line.strip()]
    placed = [(_PLACED.fullmatch(line), line) for line in lines]
    return [
        {"text": match[1], "position": int(match[2])} if match else {"text": line, "position": position}
        for match, line in placed
    ]


def whole(value: Any, what: str, empty: int | None = None) -> int | None:
    """A whole number of a field; `empty` where nothing is typed."""
    if value in ("", None):
        return empty
    try:
        return int(str(value))
    except ValueError:
        raise BadRecipe(f"{what}: {value!r} is no whole number; give one, as in 3.") from None


def numbers_of(typed: Any) -> tuple[float, ...]:
    """Numbers with commas, spaces, lines or brackets between."""
    parts = [part for part in re.split(r"[\s,;\[\]()]+", typed if isinstance(typed, str) else "") if part]
    try:
        return tuple(float(part) for part in parts)
    except ValueError:
        wrong = next(part for part in parts if not _is_number(part))
        raise BadRecipe(f"Numbers: {wrong[:40]!r} is none; paste numbers with commas or spaces between.") from None


def _is_number(text: str) -> bool:
    try:
        return bool(text) and float(text) is not None
    except ValueError:
        return False


# what it means


class Reader:
    """Reads one form: the experiment gives prompts, the selection tokens, the library what a placebo is of."""

    def __init__(self, engine: Engine, experiment: Experiment, selected: tuple[int, ...], library: Any) -> None:
        self.engine, self.experiment, self.selected = engine, experiment, selected
        self.library: tuple[NamedDirection, ...] = library
        self.kinds = {
            "tokens": self._tokens, "mean_difference": self._groups, "principal_component": self._component,
            "probe": self._probe, "singular_vector": self._head, "sae_feature": self._feature,
            "vector": self._vector, "random": self._random,
        }  # fmt: skip

    def read(self, form: Form) -> tuple[NamedDirection, ...]:
        """One named direction, or all that the JSON holds."""
        if form["kind"] == "json":
            return self._json(form)
        self._check_kind(form["kind"])
        direction = self.kinds[form["kind"]](form)
        return (NamedDirection(_name(form, direction), direction),)

    def _check_kind(self, kind: Any) -> None:
        if not isinstance(kind, str) or kind not in (*self.kinds, "placebo"):
            raise BadRecipe(f"{kind!r} is no kind of direction; choose one of {', '.join(self.kinds)}.")

    def _tokens(self, form: Form) -> AnyDirection:
        plus, minus = (tuple(map(str, form[name] or ())) for name in ("tokens", "minus_tokens"))
        return TokenDirection(plus, minus, "W_E" if form["matrix"] == "W_E" else "W_U")

    def _place(self, form: Form) -> Form:
        layer = whole(form["layer"], "Layer")
        if layer is None:
            raise BadRecipe("Layer: none given; write the one whose activations are read, as in 15.")
        return {"activation": form["activation"], "layer": layer}

    def _groups(self, form: Form) -> AnyDirection:
        plus, minus = self._samples(form)
        return _parsed({"kind": "mean_difference", **self._place(form), "plus": plus, "minus": minus})

    def _component(self, form: Form) -> AnyDirection:
        plus, minus = self._samples(form)
        samples = plus if form["groups"] == "positions" and len(plus) > 1 else [*plus, *minus]
        own = {"samples": samples, "component": whole(form["component"], "Component", 0)}
        return _parsed({"kind": "principal_component", **self._place(form), **own})

    def _probe(self, form: Form) -> AnyDirection:
        plus, minus = self._samples(form)
        own = {"plus": plus, "minus": minus, "seed": whole(form["seed"], "Seed", 0)}
        own |= {name: form[name] for name in ("C", "held_out") if form[name] not in ("", None)}
        return _parsed({"kind": "probe", **self._place(form), **own})

    def _head(self, form: Form) -> AnyDirection:
        head, rank = Head.parse(str(form["head"]).strip()), whole(form["rank"], "Rank", 0) or 0
        return SingularVector(head, rank, "read" if form["side"] == "read" else "write")

    def _feature(self, form: Form) -> AnyDirection:
        folder, feature = str(form["folder"] or "").strip(), whole(form["feature"], "Feature", 0) or 0
        fingerprint, found = self.engine.read_autoencoder(self.experiment.model, folder)
        return SaeFeature(folder, feature, fingerprint, found.layer, found.activation)

    def _vector(self, form: Form) -> AnyDirection:
        numbers = numbers_of(form["numbers"])
        if not all(abs(each) < 3e38 for each in numbers):
            raise BadRecipe("Numbers: one of them is not finite; a direction is made of finite numbers.")
        return Vector.of(numbers, str(form["source"] or "").strip() or "pasted")

    def _random(self, form: Form) -> AnyDirection:
        seed, of = whole(form["seed"], "Seed", 0) or 0, form["of"]
        if not of:
            return RandomDirection(seed)
        real = next((each.direction for each in self.library if each.name == of), None)
        if real is None or isinstance(real, Placebo):
            raise BadRecipe(
                f"{of!r} is {'a placebo itself' if real else 'not in the library'}; choose a real direction."
            )
        return Placebo(real, seed)

    def _json(self, form: Form) -> tuple[NamedDirection, ...]:
        try:
            given = plain_json(form["json"] or "")
        except ValueError as why:
            raise BadRecipe(f"This is no JSON ({why}); paste a direction, or a list of named ones.") from None
        if given in ([], {}):
            raise BadRecipe("This holds no direction; paste one, or a list of named ones.")
        if isinstance(given, dict) and "kind" in given:
            self._check_kind(given["kind"])
            [alone] = parse_directions([{"name": "it", "direction": given}])
            return (NamedDirection(_name(form, alone.direction), alone.direction),)
        return parse_directions(given if isinstance(given, list) else [given])

    # samples

    def _samples(self, form: Form) -> tuple[list[Sample], list[Sample]]:
        """Those that it points towards, and those that it points away from."""
        position = whole(form["position"], "At token")
        groups = {"texts": self._texts, "set": self._set, "positions": self._positions}
        found = groups.get(form["groups"], self._texts)(form, position)
        if sum(map(len, found)) > MOST_SAMPLES:
            raise BadRecipe(f"These are {sum(map(len, found))} samples and the limit is {MOST_SAMPLES}; give fewer.")
        return found

    def _texts(self, form: Form, position: int | None) -> tuple[list[Sample], list[Sample]]:
        sides = ("plus", "Towards (texts)"), ("minus", "Away from (texts)")
        found = [texts_of(form[name], position) for name, _ in sides]
        empty = [label for (_, label), samples in zip(sides, found, strict=True) if not samples]
        if empty and form["kind"] != "principal_component":
            raise BadRecipe(f"{empty[0]} is empty; write one text per line.")
        return found[0], found[1]

    def _set(self, form: Form, position: int | None) -> tuple[list[Sample], list[Sample]]:
        pairs = self.experiment.prompt_set
        corrupted = [pair.corrupted for pair in pairs if pair.corrupted is not None]
        if not corrupted and form["kind"] != "principal_component":
            raise BadRecipe("No prompt of the set has a corrupted one; give corrupted prompts, or own texts.")
        clean = [{"text": pair.clean, "position": position} for pair in pairs]
        return clean, [{"text": text, "position": position} for text in corrupted]

    def _positions(self, form: Form, position: int | None) -> tuple[list[Sample], list[Sample]]:
        """Selected tokens and the others; the separator before the prompt only where it is selected."""
        text = run_text(self.experiment)
        prompt = self.engine.read_prompt(self.experiment.model, text)
        selected = [at for at in self.selected if at < len(prompt)]
        if not selected and form["kind"] != "principal_component":
            raise BadRecipe("No token is selected; click tokens in the rail, then make the direction.")
        others = [at for at in range(int(prompt.bos), len(prompt)) if at not in selected]
        plus, minus = ([{"text": text, "position": at} for at in side] for side in (selected, others))
        return plus, minus


def _parsed(given: Form) -> AnyDirection:
    [named] = parse_directions([{"name": "it", "direction": given}])
    return named.direction


def _name(form: Form, direction: AnyDirection) -> str:
    """As typed, or what it is made of."""
    typed = str(form["name"] or "").strip()
    if not typed and isinstance(direction, Placebo):
        return f"placebo {direction.seed} of {form['of']}"[:MOST_NAME].strip()
    return typed or str(direction).removesuffix(" in W_U").split(", n =")[0][:MOST_NAME].strip()


# what holds


def make(engine: Engine, clicks: Any, store: Any, selection: Any, library: Any, *values: Any) -> tuple[Any, Any]:
    """(the directions, None), or (no_update, why not): the form stays as it is either way."""
    if clicks is None:
        raise PreventUpdate
    try:
        experiment = experiment_of(store)
        wait_for_model(engine, experiment)
        reader = Reader(engine, experiment, selection_of(selection).positions, directions_of(library))
        found = reader.read(dict(zip(ids.DIRECTION_FIELDS, values, strict=True)))
        spoken = directions_json(found)
        for each in spoken:
            _check(engine, experiment, each)
    except MicrotomeError as error:
        return no_update, str(error)
    return {"directions": spoken, "run": clicks}, None


def _check(engine: Engine, experiment: Experiment, named: Form) -> None:
    """Make its vector on the model, which refuses in words."""
    engine.evaluate(experiment.model_recipe("direction_card", direction=named["direction"]))


def take_file(files: KeptFiles, contents: Any, name: Any) -> tuple[Any, Any]:
    """(which file it is, None), or (no_update, why not): its content is sent once."""
    if not isinstance(contents, str) or "," not in contents:
        raise PreventUpdate
    try:
        raw = base64.b64decode(contents.split(",", 1)[1], validate=True)
        arrays_in(str(name), raw)
    except binascii.Error:
        return no_update, "The file did not arrive whole; choose it again."
    except MicrotomeError as error:
        return no_update, str(error)
    return {"digest": files.keep(raw), "name": str(name)}, None


def read_file(files: KeptFiles, kept: Any, array: Any, row: Any) -> tuple[Any, ...]:
    """Numbers of one array of the file, or of its first, as text; its arrays; where they are from; and why not."""
    if not isinstance(kept, dict):
        raise PreventUpdate
    name = str(kept.get("name"))
    try:
        arrays = arrays_in(name, files.get(str(kept.get("digest"))))
        key = array if array in arrays else next(iter(arrays))
        numbers = row_of(arrays, key, whole(row, "Row", 0) or 0)
    except MicrotomeError as error:
        return no_update, no_update, no_update, str(error)
    choices = [{"value": key, "label": f"{key or 'array'} {list(found.shape)}"} for key, found in arrays.items()]
    source = " ".join(filter(None, (name, key, f"row {row}" if arrays[key].ndim == 2 else "")))
    return ", ".join(f"{each:.9g}" for each in numbers), choices, source, None


def register(app: Dash, engine: Engine) -> None:
    """Make, and the file."""
    field = ids.DIRECTION_FIELD.format
    stores = [State(name, "data") for name in (ids.EXPERIMENT, ids.SELECTION, ids.DIRECTIONS)]
    app.callback(
        Output(ids.DIRECTION_READ, "data"), Output(ids.DIRECTION_REFUSAL, "children"),
        Input(ids.DIRECTION_MAKE, "n_clicks"), *stores,
        *(State(field(name), "value") for name in ids.DIRECTION_FIELDS), prevent_initial_call=True,
        running=[(Output(ids.DIRECTION_MAKE, "disabled"), True, False),
                 (Output(ids.DIRECTION_SAID, "children"), "Making it on the model…", "")],
    )(functools.partial(make, engine))  # fmt: skip
    files = KeptFiles()
    app.callback(
        Output(ids.DIRECTION_FILE, "data"), Output(ids.DIRECTION_REFUSAL, "children", allow_duplicate=True),
        Input(ids.DIRECTION_UPLOAD, "contents"), State(ids.DIRECTION_UPLOAD, "filename"), prevent_initial_call=True,
    )(functools.partial(take_file, files))  # fmt: skip
    app.callback(
        Output(field("numbers"), "value"), Output(field("array"), "data"), Output(field("source"), "value"),
        Output(ids.DIRECTION_REFUSAL, "children", allow_duplicate=True),
        Input(ids.DIRECTION_FILE, "data"), Input(field("array"), "value"), Input(field("row"), "value"),
        prevent_initial_call=True,
    )(functools.partial(read_file, files))  # fmt: skip
