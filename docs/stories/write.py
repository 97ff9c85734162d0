"""Computes the story of number-agreement.md anew: `python -m docs.stories.write`, in the repository's folder.

Writes the tables of the page between its markers, `number-agreement/numbers.json` (which a test compares with a part
computed anew), the recipes and prompts as files for the command line, the figures, and the link to the page's state.
Takes a few minutes on two cores. `error` is the standard error over prompts.
"""

import base64
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from app.__main__ import picture_of
from app.domain.prompt_sets import to_jsonl
from app.domain.recipes import AnyRecipe, recipe_json
from app.domain.session import session_json
from app.domain.views import Selection, Style, View
from app.engine import Engine
from docs.stories import number_agreement as story
from docs.stories.measured import PARTS, Asking
from docs.stories.tables import filled

HERE = Path(__file__).parent
PAGE, FOLDER = HERE / "number-agreement.md", HERE / "number-agreement"


def files(ask: Asking) -> dict[str, AnyRecipe]:
    """Recipes of the page's commands."""
    strengths = [times * ask.distance("subject", story.LAYER) for times in story.TIMES]
    return {
        "direction": story.card(story.direction(), story.COMPARED), "probe": story.card(story.probe()),
        "projection": story.projection(), "distribution": story.distribution("subject", story.LAYER),
        "curve": story.curve("subject", story.LAYER, "corrupted", strengths, tokens=8),
        "swapped": story.predicted("corrupted", story.swapped("subject", story.LAYER)),
        "projected-out": story.predicted("clean", *story.projected_out("subject", story.LAYER, after=6)),
        "writers": story.writers("clean"), "readers": story.readers(),
    }  # fmt: skip


def rounded(value: Any) -> Any:
    """Numbers with five decimals: as many as two machines share."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    return [*map(rounded, value)] if isinstance(value, list) else round(value, 5) if isinstance(value, float) else value


def link() -> str:
    """The page's state as an address (assets/20-link.js)."""
    said = session_json(story.session())
    return "http://127.0.0.1:8050/#s=" + base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def figures(engine: Engine, recipes: dict[str, AnyRecipe]) -> None:
    """As `python -m app figure` makes them."""
    for name in ("projection", "distribution", "curve"):
        view = View(recipes[name], Style(), Selection(layers=(story.LAYER,), positions=(story.SUBJECT,)))
        (FOLDER / f"{name}.png").write_bytes(picture_of(engine, view, "png", dpi=144)[0])


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with closing(Engine()) as engine:
        ask = Asking(engine)
        numbers = rounded({name: part(ask) for name, part in PARTS.items()})
        recipes = files(ask)
        for name, recipe in recipes.items():
            (FOLDER / f"{name}.json").write_text(recipe_json(recipe) + "\n", encoding="utf-8")
        figures(engine, recipes)
    (FOLDER / "numbers.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (FOLDER / "prompts.jsonl").write_text(to_jsonl(story.TESTS), encoding="utf-8")
    (FOLDER / "link.txt").write_text(link() + "\n", encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), numbers), encoding="utf-8")


if __name__ == "__main__":
    main()
