"""Axes and selection marks of a sweep's map.

Rows and columns are places 0, 1, ...: a restricted sweep has no gaps. Ticks name what stands there. Marks follow the
selection: heads on maps of heads, the cell of the last selected layer and position on maps of positions.
"""

from typing import Any

from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.sweep_grid import Grid
from app.figures.sweep_tokens import common_pairs, pair_label, token_pairs
from app.figures.sweep_words import AnySweep
from app.figures.theme import CLEAR, FONT_SIZE, is_export, monospace
from app.figures.tokens import thinned

_TITLES = {"key_value_head": "key-value head", "source_position": "key (source)", "": ""}
_ROOM = 9
"""Characters of a token on an axis."""


def margins(grid: Grid) -> dict[str, int]:
    """Room around the map: heads stand above it, tokens below, and where these are, notes above."""
    heads, tokens = "head" in grid.axes[1], "position" in grid.axes[1]
    return {"l": 36, "r": 8, "t": 34 if heads else 20 if tokens else 8, "b": 20 if tokens else 34}


def axes_of(result: AnySweep, grid: Grid, style: Style, selection: Selection) -> dict[str, Any]:
    """Both axes."""
    rows, columns = grid.index.shape
    high = (style.height or 360) - 130 if is_export(style) else 300
    wide = (style.width or 520) - 150 if is_export(style) else 300
    tokens = _Tokens(result, selection, monospace(style))
    return {
        "xaxis": _across(grid, wide, tokens) | {"range": [-0.5, columns - 0.5], "fixedrange": True},
        "yaxis": _down(grid, high, tokens) | {"range": [rows - 0.5, -0.5], "fixedrange": True},
    }


class _Tokens:
    """Tick labels of positions: their number and the selected prompt's tokens, italic where another prompt of the set
    has others."""

    def __init__(self, result: AnySweep, selection: Selection, family: str) -> None:
        self.prompt = min(selection.prompt, len(result.str_tokens) - 1)
        self.pairs, self.family = token_pairs(result, self.prompt), family
        self.same = [pair == common for pair, common in zip(self.pairs, common_pairs(result), strict=True)]

    def label(self, position: int) -> str:
        """One tick: `4 ·John→·Mary`."""
        if position >= len(self.pairs) or not self.pairs[position][0]:
            return str(position)
        text = f"{position} {pair_label(self.pairs[position], _ROOM)}"
        return text if self.same[position] else f"<i>{text}</i>"

    @property
    def said(self) -> str:
        """What italics mean, where there are any."""
        return "" if all(self.same) else f" (tokens of prompt {self.prompt}; italic: prompts differ)"


def _across(grid: Grid, pixels: int, tokens: _Tokens) -> dict[str, Any]:
    name = grid.axes[1]
    if "position" in name:
        return _positions(grid.columns, pixels, tokens, 22) | {
            "title": {"text": _TITLES.get(name, name) + tokens.said}, "tickangle": -45,
        }  # fmt: skip
    return _labelled(grid.columns, pixels, 22, name) | {"side": "top"}


def _down(grid: Grid, pixels: int, tokens: _Tokens) -> dict[str, Any]:
    name = grid.axes[0]
    if name == "position":
        return _positions(grid.rows, pixels, tokens, 13) | {"title": {"text": "query (destination)"}}
    return _labelled(grid.rows, pixels, 10 if name in ("head", "neuron") else 13, name)


def _labelled(places: tuple[int | str, ...], pixels: int, step: int, name: str) -> dict[str, Any]:
    """Numbers at round places, or names, as many as there is room for."""
    room = max(1, pixels // step)
    every = next((s for s in (1, 2, 5, 10, 20, 50) if len(places) <= s * room), 100)
    at = list(range(0, len(places), every))
    named = len(places) > 0 and isinstance(places[0], str)
    return {
        "title": {"text": "" if named else _TITLES.get(name, name)}, "tickmode": "array", "tickvals": at,
        "ticktext": [str(places[i]) for i in at], "tickfont": {"size": FONT_SIZE - (2 if named else 0)},
        "linecolor": CLEAR, "ticklabelstandoff": 2,
    }  # fmt: skip


def _positions(places: tuple[int | str, ...], pixels: int, tokens: _Tokens, step: int) -> dict[str, Any]:
    """Positions with their tokens, every n-th where not all have room."""
    at = thinned(len(places), pixels, step)
    return {
        "tickmode": "array", "tickvals": at.tolist(), "ticktext": [tokens.label(int(places[i])) for i in at],
        "tickfont": {"family": tokens.family, "size": FONT_SIZE}, "linecolor": CLEAR,
    }  # fmt: skip


def shapes_of(grid: Grid, selection: Selection) -> list[dict[str, Any]]:
    """Selected heads as cells or rows, positions as columns (rows where positions run down), the selected cell."""
    if grid.axes in (("layer", "head"), ("layer", "key_value_head")):
        return _head_cells(grid, selection)
    if grid.axes[0] == "head":
        return [*_columns(grid, selection), *_head_rows(grid, selection)]
    if grid.axes == ("layer", "position"):
        return [*_columns(grid, selection), *_place(grid, selection)]
    if "source_position" in grid.axes:
        shown = [grid.rows.index(p) for p in selection.positions if p in grid.rows]
        return marks.position_rows(Selection(positions=tuple(shown)))
    return []


def _named_heads(selection: Selection) -> list[tuple[str, Any]]:
    """Selected, pinned, primary: the order of `marks.head_shapes`."""
    named = [("selected", head) for head in selection.heads if head != selection.primary]
    named += [("pinned", selection.pinned)] if selection.pinned else []
    return named + ([("primary", selection.primary)] if selection.primary else [])


def _head_cells(grid: Grid, selection: Selection) -> list[dict[str, Any]]:
    found = [(name, grid.at(head.layer, head.head)) for name, head in _named_heads(selection)]
    return [marks.cell_outline(name, *at) for name, at in found if at is not None]


def _head_rows(grid: Grid, selection: Selection) -> list[dict[str, Any]]:
    """Rows are named L5H1, or L5KV1 of keys and values."""
    named = [
        (name, label) for name, head in _named_heads(selection) for label in (str(head), f"L{head.layer}KV{head.head}")
    ]
    return [marks.row_outline(name, grid.rows.index(label)) for name, label in named if label in grid.rows]


def _columns(grid: Grid, selection: Selection) -> list[dict[str, Any]]:
    shown = [grid.columns.index(p) for p in selection.positions if p in grid.columns]
    return marks.position_columns(Selection(positions=tuple(shown)))


def _place(grid: Grid, selection: Selection) -> list[dict[str, Any]]:
    """The cell of the last selected layer and position."""
    if not selection.layers or not selection.positions:
        return []
    at = grid.at(selection.layers[-1], selection.positions[-1])
    return [] if at is None else [marks.cell_outline("primary", *at)]
