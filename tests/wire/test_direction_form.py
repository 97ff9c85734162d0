"""The dialog of a new direction: what every kind reads, what is refused in words, and files."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from app.domain.directions import (
    MeanDifference,
    NamedDirection,
    Placebo,
    RandomDirection,
    SaeFeature,
    SingularVector,
    Vector,
)
from app.domain.errors import BadInput
from app.domain.samples import Sample
from app.domain.session import directions_json, parse_directions
from app.domain.sites import Head
from app.models.sae_folder import folder_fingerprint
from callbacks.kept_files import KeptFiles
from layouts import ids
from tests import autoencoders
from tests.wire.page import PAIR, SPEC, Page, changed, experiment

FORM: dict[str, Any] = {
    "kind": "tokens", "name": "", "tokens": ["apple"], "minus_tokens": ["dog"], "matrix": "W_U",
    "activation": "resid_post", "layer": 1, "groups": "texts", "position": "", "plus": "the river\nthe apple @ 1",
    "minus": "house dog", "component": 0, "C": 1, "held_out": 0.25, "head": "L1H2", "rank": 1, "side": "read",
    "folder": "", "feature": 0, "numbers": "", "source": "", "json": "", "of": "", "seed": 0,
}  # fmt: skip
LIBRARY = [{"name": "noise", "direction": {"kind": "random", "seed": 5}}]


def answer(served: Page, typed: dict[str, Any], **stores: Any) -> Any:
    values = {ids.DIRECTION_FIELD.format(name) + ".value": value for name, value in {**FORM, **typed}.items()}
    given = {f"{ids.DIRECTION_MAKE}.n_clicks": 1, "experiment.data": experiment(), "directions.data": LIBRARY, **stores}
    return served.ask(f"{ids.DIRECTION_READ}.data", given | values)


def made(served: Page, typed: dict[str, Any], **stores: Any) -> Any:
    """The directions as values."""
    found = answer(served, typed, **stores)
    assert found[ids.DIRECTION_REFUSAL]["children"] is None
    return parse_directions(found[ids.DIRECTION_READ]["data"]["directions"])


def why(served: Page, typed: dict[str, Any], **stores: Any) -> str:
    found = answer(served, typed, **stores)
    assert ids.DIRECTION_READ not in found
    return found[ids.DIRECTION_REFUSAL]["children"]


PLUS = (Sample("the river"), Sample("the apple", 1))


def test_tokens_are_called_by_what_they_are(served: Page) -> None:
    [named] = made(served, {})
    assert (named.name, named.direction.kind) == ("apple − dog", "tokens")
    assert made(served, {"name": "fruit", "minus_tokens": [], "matrix": "W_E"})[0].name == "fruit"


def test_every_kind_is_read(served: Page) -> None:
    [means] = made(served, {"kind": "mean_difference"})
    assert means.direction == MeanDifference("resid_post", 1, PLUS, (Sample("house dog"),))
    [component] = made(served, {"kind": "principal_component"})
    assert component.direction.samples == (*PLUS, Sample("house dog"))
    texts = "\n".join(["the river", "the apple", "the dog", "the house"])
    [probe] = made(served, {"kind": "probe", "plus": texts, "minus": texts.replace("the", "river"), "C": 0.5})
    assert (probe.direction.C, len(probe.direction.minus)) == (0.5, 4)
    assert made(served, {"kind": "singular_vector"})[0].direction == SingularVector(Head(1, 2), 1, "read")
    assert made(served, {"kind": "random", "seed": 3})[0].direction == RandomDirection(3)
    assert made(served, {"kind": "random", "of": "noise"}) == (
        NamedDirection("placebo 0 of noise", Placebo(RandomDirection(5))),
    )


def test_clean_and_corrupted_prompts_of_the_set_are_two_groups(served: Page) -> None:
    [means] = made(served, {"kind": "mean_difference", "groups": "set", "position": "2"})
    assert means.direction.plus == (Sample(PAIR.clean, 2),)
    assert means.direction.minus == (Sample(PAIR.corrupted or "", 2),)
    alone = {"experiment.data": changed(corrupted=None)}
    assert "No prompt of the set has a corrupted one" in why(served, {"kind": "probe", "groups": "set"}, **alone)


def test_selected_tokens_stand_against_the_others_without_the_separator(served: Page) -> None:
    selected = {"selection.data": {"positions": [3, 2]}}
    [means] = made(served, {"kind": "mean_difference", "groups": "positions"}, **selected)
    assert [each.position for each in means.direction.plus] == [3, 2]
    bos = int(served.engine.read_prompt(SPEC, PAIR.clean).bos)
    assert means.direction.minus[0].position == bos
    assert "No token is selected" in why(served, {"kind": "mean_difference", "groups": "positions"})


def test_json_is_one_direction_or_a_list_of_named_ones(served: Page) -> None:
    one = '{"kind": "random", "seed": 2}'
    assert made(served, {"kind": "json", "json": one})[0].direction == RandomDirection(2)
    several = directions_json((*made(served, {}), *made(served, {"kind": "random"})))
    assert [each.name for each in made(served, {"kind": "json", "json": json.dumps(several)})] == [
        "apple − dog", "random, seed 0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"tokens": []}, "at least one token"),
        ({"tokens": ["apple pie"]}, "apple pie"),
        ({"kind": "mean_difference", "layer": ""}, "Layer: none given"),
        ({"kind": "mean_difference", "layer": 99}, "layers"),
        ({"kind": "mean_difference", "plus": ""}, "Towards (texts) is empty"),
        ({"kind": "mean_difference", "plus": "the river @ 9"}, "position 9 does not exist"),
        ({"kind": "mean_difference", "plus": "zebra"}, "not in the vocabulary"),
        ({"kind": "probe"}, "give 4 to 2000"),
        ({"kind": "singular_vector", "head": "here"}, "here"),
        ({"kind": "vector", "numbers": "1, 2"}, "has 2 numbers and the residual stream"),
        ({"kind": "vector", "numbers": "1, x"}, "'x' is none"),
        ({"kind": "vector", "numbers": "nan 1"}, "not finite"),
        ({"kind": "vector"}, "holds no direction"),
        ({"kind": "json", "json": "{"}, "no JSON"),
        ({"kind": "json", "json": "[" * 100_000}, "too deeply"),
        ({"kind": "json", "json": '{"kind": "spell"}'}, "'spell' is no kind of direction"),
        ({"kind": "json", "json": "[]"}, "holds no direction"),
        ({"kind": "random", "of": "gone"}, "not in the library"),
        ({"kind": "spell"}, "no kind of direction"),
        ({"kind": "random", "seed": "x"}, "no whole number"),
    ],
)
def test_what_cannot_be_made_is_refused_in_words(served: Page, typed: dict[str, Any], words: str) -> None:
    assert words in why(served, typed)


# files


def uploaded(served: Page, name: str, raw: bytes, array: Any = None, row: Any = 0) -> Any:
    """The file is sent, once; then what is read of it, or why it is none."""
    file = f"{ids.DIRECTION_FILE}.data"
    content = "data:;base64," + base64.b64encode(raw).decode()
    taken = served.ask(file, {f"{ids.DIRECTION_UPLOAD}.contents": content, f"{ids.DIRECTION_UPLOAD}.filename": name})
    if ids.DIRECTION_FILE not in taken:
        return taken
    return looked_into(served, taken[ids.DIRECTION_FILE]["data"], array, row)


def looked_into(served: Page, kept: Any, array: Any = None, row: Any = 0) -> Any:
    field = ids.DIRECTION_FIELD.format
    given = {f"{ids.DIRECTION_FILE}.data": kept, f"{field('array')}.value": array, f"{field('row')}.value": row}
    return served.ask(f"{field('numbers')}.value", given)


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def numbers(found: Any) -> Any:
    return np.array(found[ids.DIRECTION_FIELD.format("numbers")]["value"].split(", "), np.float32)


def test_a_file_fills_the_numbers_exactly(served: Page) -> None:
    vector = np.random.default_rng(0).standard_normal(128).astype(np.float32)
    found = uploaded(served, "v.npy", npy(vector))
    np.testing.assert_array_equal(numbers(found), vector)
    assert found[ids.DIRECTION_FIELD.format("source")]["value"] == "v.npy"
    typed = {"kind": "vector", "numbers": found[ids.DIRECTION_FIELD.format("numbers")]["value"], "source": "v.npy"}
    [named] = made(served, typed)
    assert isinstance(named.direction, Vector)
    np.testing.assert_array_equal(np.array(named.direction.numbers, np.float32), vector)


def test_an_array_and_a_row_of_a_file_are_chosen(served: Page) -> None:
    arrays = {"a": np.ones(4, np.float32), "b": np.arange(8, dtype=np.float32).reshape(2, 4)}
    found = uploaded(served, "v.safetensors", save(arrays), "b", 1)
    assert numbers(found).tolist() == [4, 5, 6, 7]
    assert found[ids.DIRECTION_FIELD.format("source")]["value"] == "v.safetensors b row 1"


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("v.npy", npy(np.array([{"a": 1}], dtype=object), allow_pickle=True), "cannot be read"),
        ("v.npy", npy(np.ones(4, np.float32))[:-3], "cannot be read"),
        ("v.npy", npy(np.ones(4)).replace(b"(4,), }", b"(99999,)}"[:7]), "cannot be read"),
        ("v.npy", npy(np.ones(4)).replace(b"(4,)", b"(9e9"), "cannot be read"),
        ("v.npy", b"PK", "cannot be read"),
        ("v.npy", npy(np.ones((2, 2, 2))), "1 or 2 dimensions"),
        ("v.npy", npy(np.array(["a"])), "1 or 2 dimensions"),
        ("v.safetensors", b"\xff" * 30, "cannot be read"),
        ("v.pt", b"", "no .npy and no .safetensors"),
    ],
)
def test_a_file_that_is_none_is_refused(served: Page, name: str, raw: bytes, words: str) -> None:
    assert words in uploaded(served, name, raw)[ids.DIRECTION_REFUSAL]["children"]


def test_a_file_that_the_server_has_lost_is_asked_for_again(served: Page) -> None:
    found = looked_into(served, {"digest": "0" * 64, "name": "v.npy"})
    assert "choose it again" in found[ids.DIRECTION_REFUSAL]["children"]


def test_the_files_used_longest_ago_make_room() -> None:
    files = KeptFiles(most=4)
    one, two = files.keep(b"aa"), files.keep(b"bb")
    assert files.get(one) == b"aa"
    three = files.keep(b"cc")
    assert (files.get(one), files.get(three)) == (b"aa", b"cc")
    with pytest.raises(BadInput, match="choose it again"):
        files.get(two)
    large = files.keep(b"larger")
    assert files.get(large) == b"larger"


def test_a_row_that_is_not_there_is_refused(served: Page) -> None:
    found = uploaded(served, "v.npy", npy(np.ones((2, 3))), row=2)
    assert "Row 2 does not exist" in found[ids.DIRECTION_REFUSAL]["children"]


def test_a_feature_of_an_autoencoder_is_read_with_its_fingerprint_and_layer(served: Page, tmp_path: Path) -> None:
    width = served.engine.facts(SPEC).d_model
    centred = {"model_from_pretrained_kwargs": {"center_writing_weights": True}}
    folder = autoencoders.saved(tmp_path / "sae", hook="blocks.0.hook_resid_post", d_in=width, **centred)
    [named] = made(served, {"kind": "sae_feature", "folder": f" {folder} ", "feature": 7})
    assert named.direction == SaeFeature(folder, 7, folder_fingerprint(folder), 0)
    assert named.name == "feature 7 of sae"
    assert "has 40 features" in why(served, {"kind": "sae_feature", "folder": folder, "feature": 40})
    assert "no sparse autoencoder in /nowhere" in why(served, {"kind": "sae_feature", "folder": "/nowhere"})
