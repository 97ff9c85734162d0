"""The card of a head: every number that there is of it, on this prompt beside background texts, heads all at once.

A row holds one number of *every* head, so that the card follows the selection without asking anybody. A statistic of
this prompt *differs much* from background texts where `|here - background| > s`, `s` being the standard deviation,
over all heads of the model, of what they do on background texts: the head is then as far from its usual self as heads
are from each other, and a role read off this prompt alone would mislead. NaN = not computed, never called different.
Not done: a test of significance; it would need many prompts like this one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.head_quantities import QUANTITIES, head_quantity, quantities_of
from app.domain.head_recipes import BehaviourScores
from app.domain.head_results import BehaviourScoresResult, HeadStatisticsResult
from app.domain.recipes import Ablation, ActivationPatching, AttributionPatching, parse_recipe
from app.domain.results import Floats, Result
from app.domain.sites import Head, within

ATTENTION = "Attention, output"
LABELS = {
    "direct": "direct attribution", "entropy": "entropy", "normalised_entropy": "normalised entropy",
    "attention_to_first": "to the first token", "attention_to_self": "to its own token",
    "mean_distance": "mean distance", "output_norm": "output norm", "previous_token": "previous token",
    "duplicate_token": "duplicate token", "induction": "induction", "prefix_matching": "prefix matching",
    "copying": "copying, OV", "copying_full": "copying, token to token",
}  # fmt: skip
"""Names as short as a card is narrow; the whole one is said beside the exact number."""
UNITS = {
    "logit diff": "logits", "Δ logit diff": "Δ logits", "Δ metric": "Δ logits",
    "share of the maximum": "of max.", "share of attention": "share",
    "residual units": "residual", "eigenvalue share": "−1 to 1",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class CardRow:
    """One line of the card: `values` and, where there are any, `background` are `[layer head]`. `group` is its
    heading, `title` what it is called there, `name` the quantity (app/domain/head_quantities.py)."""

    group: str
    name: str
    title: str
    unit: str
    signed: bool
    values: Floats
    background: Floats | None = None

    @property
    def spread(self) -> float:
        """Standard deviation over heads on background texts; NaN without them."""
        return float("nan") if self.background is None else float(np.nanstd(self.background))

    @property
    def differs(self) -> NDArray[np.bool_]:
        """`[layer head]`: where this prompt and the background differ much."""
        if self.background is None:
            return np.zeros(self.values.shape, dtype=bool)
        return np.abs(self.values - self.background) > self.spread

    @property
    def reading(self) -> str:
        """The whole name and unit, and what 0 and 1 mean."""
        row = QUANTITIES[self.name]
        return f"{row.title}, {row.unit}. 0: {row.zero}. 1: {row.one}."


def rows_of(result: Result, group: str, title: str = "", difference: bool = False) -> list[CardRow]:
    """The rows of a result, each the mean over its prompts. `title` names the only one; `difference`: every number is
    one run minus another, and has a sign."""
    rows: list[CardRow] = []
    for name in quantities_of(result):
        known = QUANTITIES[name]
        unit = UNITS.get(known.unit, known.unit)
        unit = f"Δ {unit}" if difference and not unit.startswith("Δ") else unit
        values = _over_prompts(head_quantity(result, name))
        rows.append(
            CardRow(group, name, title or LABELS.get(name, known.title), unit, known.signed or difference, values)
        )
    return rows


def title_of(result: Result) -> str:
    """What an effect is called: by the method of its recipe; empty for what has its own names."""
    recipe = parse_recipe(result.recipe)
    if isinstance(recipe, Ablation):
        return f"{recipe.method} ablation"
    if isinstance(recipe, AttributionPatching):
        return "attribution patching"
    return recipe.direction if isinstance(recipe, ActivationPatching) else ""


def heading(result: Result) -> str:
    """The heading of numbers that are of the model alone; random tokens with how many and by which seed."""
    recipe = parse_recipe(result.recipe)
    if isinstance(result, BehaviourScoresResult) and isinstance(recipe, BehaviourScores):
        return f"{result.length} random tokens twice, seed {recipe.seed} (prefix matching: {result.prefix_length})"
    return "Weights alone"


def _over_prompts(values: Floats) -> Floats:
    return values[0] if len(values) == 1 else values.mean(axis=0)


def beside_background(
    here: HeadStatisticsResult, background: HeadStatisticsResult | None, difference: bool = False
) -> list[CardRow]:
    """Statistics of this prompt beside those of the background texts, which a difference of runs is not compared to."""
    rows = rows_of(here, ATTENTION, difference=difference)
    if background is None or difference:
        return rows
    usual = {row.name: row.values for row in rows_of(background, ATTENTION)}
    return [
        CardRow(row.group, row.name, row.title, row.unit, row.signed, row.values, _of_the_same(usual[row.name], row))
        for row in rows
    ]


def _of_the_same(usual: Floats, row: CardRow) -> Floats:
    if usual.shape != row.values.shape:
        raise BadInput(
            f"The background texts were read by a model of {usual.shape} layers and heads, this prompt by one of "
            f"{row.values.shape}; give both of the same model."
        )
    return usual


def check_head(rows: list[CardRow], head: Head) -> None:
    """Refuse a head that these rows do not have."""
    layers, heads = rows[0].values.shape
    within((head.layer,), layers, "layers", "The model")
    within((head.head,), heads, "heads", "The model")


def plain(rows: list[CardRow]) -> dict[str, Any]:
    """The rows as the page's script reads them (assets/69-head-card.js): heads in a row, null = not computed, `differs`
    the places of those that differ much."""
    heads = rows[0].values.shape[1] if rows else 0
    return {"heads": heads, "rows": [_plain(row) for row in rows]}


def _plain(row: CardRow) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in ("group", "name", "title", "unit", "signed", "reading")}
    background = None if row.background is None else _numbers(row.background)
    return own | {
        "values": _numbers(row.values),
        "background": background,
        "differs": np.flatnonzero(row.differs).tolist(),
    }


def _numbers(values: Floats) -> list[float | None]:
    """The shortest decimals that name each float32."""
    return [None if text == "nan" else float(text) for text in values.ravel().astype(str).tolist()]
