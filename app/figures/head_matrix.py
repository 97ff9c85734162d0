"""Head matrix: layers x heads, one cell per attention head.

x: head; y: layer, downwards from 0; colour: one of the numbers per head that the result has (`style.quantity`, None =
its first; app/domain/head_quantities.py), of the selected prompt, of background texts their mean. Of a sweep: the exact
effect of changing that head alone on `logit_diff` (changed - the run it starts from, so negative = an ablated head
helped), or on `kl_divergence` where the prompt names no answers. In difference mode the same of intervened - baseline
(`Δ Δ` for sweeps). Signed colours are symmetric about 0; the limit is the largest magnitude shown, or 1 where a number
cannot be larger, unless the style locks it, and the colour bar states it. A `−` marks negative cells of at least a
quarter of the limit, for greyscale. Hatched grey = not computed. Hover: the head, the value in full precision, for
sweeps both runs, for estimates the exact effect where it was computed.

Trace 0 is the heatmap (`customdata` = `L5H1`); trace 1 has one invisible marker per head, so that box and lasso can
select; then hairlines and hatch.
"""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.head_quantities import QUANTITIES, head_quantity, over_heads, quantity_named
from app.domain.head_recipes import HeadProjection, HeadStatistics
from app.domain.head_results import BehaviourScoresResult
from app.domain.recipes import parse_recipe
from app.domain.results import METRICS, AttributionPatchingResult, Floats, Result, SweepResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.head_labels import head_labels, heads_handles
from app.figures.scales import colour_range, spoken
from app.figures.sweep_words import happened, technique, unit
from app.figures.theme import CLEAR, FONT_SIZE, dress
from app.figures.tokens import label


@dataclass(frozen=True)
class _Matrix:
    """What is drawn: `values[layer head]`, hover lines of the same shape, names. `limit` of the colours, None = the
    largest magnitude."""

    values: NDArray[np.float32]
    hover: NDArray[np.str_]
    title: str
    unit: str
    signed: bool = True
    limit: float | None = None


def _plain(result: Result, name: str, style: Style, selection: Selection) -> _Matrix:
    """A number as the table of quantities describes it."""
    row, delta = QUANTITIES[name], "Δ " if style.show == "difference" else ""
    values, over = _shown(result, head_quantity(result, name), selection)
    signed = row.signed or bool(delta)
    title = delta + _named(result, row.title)
    hover = np.char.add(np.char.add(f"{title} ", spoken(values, signed)), _told(result, name, delta, selection))
    heads = f"{title}, heads of {result.provenance.model}{over}"
    return _Matrix(values, hover, heads, f"{delta}{row.unit}", signed, None if delta else row.limit)


def _named(result: Result, title: str) -> str:
    """The title of the table, or where the recipe says more, that."""
    if isinstance(result, AttributionPatchingResult):
        return technique(result)
    recipe = parse_recipe(result.recipe)
    if not isinstance(recipe, HeadProjection):
        return title
    sides = [" / ".join(label(token, 20) for token in side) for side in (recipe.tokens, recipe.minus)]
    return f"projection on {' − '.join(side for side in sides if side)}"


def _shown(result: Result, values: Floats, selection: Selection) -> tuple[Floats, str]:
    """`[layer head]` of the selected prompt, or the mean over background texts, and the words for the latter."""
    recipe = parse_recipe(result.recipe)
    if isinstance(recipe, HeadStatistics) and recipe.corpus:
        return values.mean(axis=0), f", mean over {len(values)} background texts"
    return values[marks.prompt_row(selection, len(values))], ""


def _told(result: Result, name: str, delta: str, selection: Selection) -> NDArray[np.str_] | str:
    """The second line: the exact effect beside an estimate, and beside behaviour scores the attention to the first
    token, where heads look that have nothing to do."""
    if isinstance(result, BehaviourScoresResult) and name != "attention_to_first":
        values, _ = _shown(result, head_quantity(result, "attention_to_first"), selection)
        return np.char.add("<br>attention to the first token ", spoken(values, signed=False))
    if not isinstance(result, AttributionPatchingResult):
        return ""
    values, _ = _shown(result, over_heads(result, result.exact), selection)
    return np.char.add(f"<br>{delta}exact ", spoken(values))


def _effect(result: SweepResult, style: Style, selection: Selection) -> _Matrix:
    """`Δ` is changed - the run that is changed; in difference mode everything once more intervened - baseline, so `Δ`
    stands twice."""
    prompt = marks.prompt_row(selection, result.values.shape[1])
    base = getattr(result, result.baseline)[:, prompt]
    metric = "logit_diff" if np.isfinite(base[0]) else "kl_divergence"
    at, delta = METRICS.index(metric), "Δ " if style.show == "difference" else ""
    values = head_quantity(result, "effect", metric)[prompt]
    changed = over_heads(result, result.values[at])[prompt]
    what = unit(metric, "effect", delta)
    between = f"<br>{delta}{result.baseline} {spoken(base[at])}, {delta}{happened(result)} "
    before = f"{technique(result)}, {what} "
    hover = np.char.add(np.char.add(before, spoken(values)), np.char.add(between, spoken(changed)))
    title = f"{delta}effect of {technique(result)} on {what.split('Δ ')[-1]}, heads of {result.provenance.model}"
    return _Matrix(values, hover, title, what, bool(delta) or metric == "logit_diff")


def head_matrix_heatmap(result: Result, style: Style, selection: Selection) -> go.Figure:
    """One number of every head of the selected prompt; refuses a result that has none."""
    name = quantity_named(result, style.quantity)
    effect = isinstance(result, SweepResult)
    matrix = _effect(result, style, selection) if effect else _plain(result, name, style, selection)
    rows, columns = matrix.values.shape
    figure = go.Figure(
        [
            _cells(matrix, style),
            heads_handles(range(rows), range(columns)),
            marks.hairlines(rows, columns),
            marks.hatch(matrix.values),
        ]
    )
    figure.update_layout(
        shapes=marks.head_shapes(selection), annotations=marks.not_computed_note(matrix.values),
        dragmode="select", clickmode="event",
        xaxis=heads_axis(columns, "head", 16) | {"side": "top", "range": [-0.5, columns - 0.5]},
        yaxis=heads_axis(rows, "layer", 12) | {"range": [rows - 0.5, -0.5]},
    )  # fmt: skip
    return dress(figure, "head-matrix", matrix.title, style, {"l": 36, "r": 8, "t": 34, "b": 20})


def _cells(matrix: _Matrix, style: Style) -> go.Heatmap:
    limit = matrix.limit if style.color_limit is None else None
    scale = colour_range(matrix.values, style, signed=matrix.signed, unit=matrix.unit, limit=limit)
    labels = head_labels(*matrix.values.shape)
    strong = matrix.signed & (matrix.values <= -scale["zmax"] / 4)
    return go.Heatmap(
        z=matrix.values, customdata=labels, hovertext=_hover(labels, matrix.hover), text=np.where(strong, "−", ""),
        texttemplate="%{text}", textfont={"size": 9 if len(labels) <= 32 else 7},
        hovertemplate="%{hovertext}<extra></extra>", name="heads", **scale,
    )  # fmt: skip


def _hover(labels: NDArray[np.str_], lines: NDArray[np.str_]) -> NDArray[np.str_]:
    return np.char.add(np.char.add(np.char.add("<b>", labels), "</b><br>"), lines)


def heads_axis(count: int, title: str, most: int) -> dict[str, object]:
    """Numbers from 0, as many as `most` have room for."""
    step = next(s for s in (1, 2, 5, 10, 20) if count <= s * most or s == 20)
    return {
        "title": {"text": title}, "tickmode": "linear", "tick0": 0, "dtick": step, "fixedrange": True,
        "tickfont": {"size": FONT_SIZE}, "ticklabelstandoff": 2, "linecolor": CLEAR,
    }  # fmt: skip
