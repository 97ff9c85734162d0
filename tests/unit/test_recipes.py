"""Every example recipe in docs/recipes runs as it is, on the model it names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.analyses import ANALYSES
from app.domain.recipes import parse_recipe
from app.domain.views import parse_view
from app.engine import Engine
from app.models.sae_folder import folder_fingerprint
from app.settings import Settings
from tests import autoencoders
from tests.loaded import smollm2

FOLDER = Path(__file__).parents[2] / "docs" / "recipes"
FILES = sorted(file.name for file in FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def default_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine on the default model, loaded once for this session, for all files."""
    engine = Engine(Settings(cache=tmp_path_factory.mktemp("results"), model="ground-truth", device="cpu"), smollm2())
    yield engine
    engine.close()


def test_there_is_an_example_of_every_kind_and_each_is_explained() -> None:
    kinds = {json.loads((FOLDER / name).read_text(encoding="utf-8")).get("kind", "view") for name in FILES}
    assert kinds == {*ANALYSES, "view"}
    explained = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in FILES if f"`{name}`" not in explained] == []


@pytest.mark.parametrize("name", [name for name in FILES if name != "view.json"])
def test_the_recipe_runs_and_gives_a_table(default_engine: Engine, name: str, tmp_path: Path) -> None:
    given = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    if given["kind"] == "sae_features":  # the one that needs a folder of the reader's own
        given["folder"] = autoencoders.saved(tmp_path, hook="blocks.15.hook_resid_post", d_in=smollm2().facts.d_model)
        given["fingerprint"] = folder_fingerprint(given["folder"])
    asked = parse_recipe(given)
    table = ANALYSES[asked.kind].table(default_engine.evaluate(asked))
    numbers = "estimate" if asked.kind == "attribution_patching" else "value"
    assert table[numbers].notna().any()


def test_the_view_runs_and_gives_a_figure(default_engine: Engine) -> None:
    view = parse_view((FOLDER / "view.json").read_text(encoding="utf-8"))
    result = default_engine.view(view)
    drawn = ANALYSES[view.recipe.kind].figure(result, view.style, view.selection)
    assert (drawn.layout.width, drawn.layout.height) == (336, 480)
