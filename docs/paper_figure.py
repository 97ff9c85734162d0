"""Computes the figure of paper-figure.md anew: `python -m docs.paper_figure`, in the repository's folder.

Draws paper-figure/plate.json as paper-figure/figure.svg, and writes the page's table of numbers and its LaTeX between
their markers. A test computes and draws all of it again and compares.
"""

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from app.domain.plates import Plate, parse_plate
from app.domain.results import METRICS
from app.engine import Engine
from app.export.latex import latex
from app.export.manifest import read_manifest
from app.plates import Numbers, plate_file
from docs.stories.tables import table

HERE = Path(__file__).parent
PAGE, FOLDER = HERE / "paper-figure.md", HERE / "paper-figure"
FIGURE = FOLDER / "figure.svg"
LAYER, HEAD, S2, END = 23, 3, 10, 14
_LOGIT_DIFF = METRICS.index("logit_diff")


def plate() -> Plate:
    """Four panels, two columns wide, for NeurIPS."""
    return parse_plate((FOLDER / "plate.json").read_bytes())


def computed(engine: Engine) -> list[Numbers]:
    """Numbers of every panel."""
    return [Numbers.of(engine, panel.view) for panel in plate().panels]


def seen(numbers: Sequence[Numbers]) -> list[tuple[str, str, str]]:
    """Panel, what is read there, and the number: logit differences with a sign, attention without."""
    of: list[Any] = [each.result for each in numbers]
    return [*_heads(of[0]), *_attention(of[1]), *_patched(of[2]), *_steered(of[3])]


def _heads(of: Any) -> list[tuple[str, str, str]]:
    heads = of.heads[0]
    return [
        ("a", "logit difference", f"{of.logit_diff[0]:+.2f}"),
        ("a", "written by L23H3", f"{heads[LAYER, HEAD]:+.2f}"),
        ("a", "written by L29H1, the next", f"{heads[29, 1]:+.2f}"),
    ]


def _attention(of: Any) -> list[tuple[str, str, str]]:
    row = of.pattern[of.layers.index(LAYER), HEAD, END]
    return [("b", "attention of L23H3 from END to S2, the second ` John`", f"{row[S2]:.2f}"),
            ("b", "the same to ` Mary`", f"{row[2]:.2f}")]  # fmt: skip


def _patched(of: Any) -> list[tuple[str, str, str]]:
    effect = dict(zip(map(tuple, of.cells.tolist()), of.effect()[0], strict=True))
    return [
        ("c", "logit difference of the corrupted run", f"{of.corrupted[_LOGIT_DIFF, 0]:+.2f}"),
        ("c", "brought back by S2 before layer 0", f"{effect[0, S2]:+.2f}"),
        ("c", "brought back by S2 before layer 24", f"{effect[24, S2]:+.2f}"),
        ("c", "brought back by END before layer 20", f"{effect[20, END]:+.2f}"),
        ("c", "brought back by END before layer 24", f"{effect[24, END]:+.2f}"),
    ]


def _steered(of: Any) -> list[tuple[str, str, str]]:
    placebos = of.placebo[_LOGIT_DIFF, 0, :, -1]
    return [
        ("d", "logit difference at −80", f"{of.values[_LOGIT_DIFF, 0, 0]:+.2f}"),
        ("d", "logit difference at 80", f"{of.values[_LOGIT_DIFF, 0, -1]:+.2f}"),
        ("d", "placebos at 80, smallest", f"{placebos.min():+.2f}"),
        ("d", "placebos at 80, largest", f"{placebos.max():+.2f}"),
    ]


def filled(page: str, rows: Sequence[Sequence[str]]) -> str:
    """The page with its table of numbers and its LaTeX, which is that of the picture beside it."""
    written = latex(read_manifest(FIGURE.read_bytes(), "svg"), plate().full_width, "figure.pdf")
    parts = {"numbers": table(["panel", "what", "number"], [*map(list, rows)]), "latex": f"```latex\n{written}```"}
    for name, text in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        page = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.S)  # noqa: B023
    return page


def main() -> None:
    with closing(Engine()) as engine:
        numbers = computed(engine)
    FIGURE.write_bytes(plate_file(plate(), numbers, "svg"))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), seen(numbers)), encoding="utf-8")


if __name__ == "__main__":
    main()
