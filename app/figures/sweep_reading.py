"""A sweep read as one number per cell and prompt: the style's metric, as effect or as recovered share.

Effect: value - baseline, in the metric's unit. Negative ablation and noising effects on the logit difference mean that
the cell helped the answer, positive denoising effects that it restores it; a positive effect on the rank means further
from the top, on KL further from the prediction of the run that the cells start from. Recovered: (value - corrupted) /
(clean - corrupted), 0 = corrupted, 1 = clean: `recovered` is the ratio of the means over prompts, `recovered_each` the
mean of the ratios. Prompts with |clean - corrupted| below TINY_SPANS are left out of both and counted. The p-value is
always of the effect. Without answers the metric is the KL divergence.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.results import METRICS, TINY_SPANS, AttributionPatchingResult
from app.domain.spread import Spread, spread
from app.domain.views import Normalised, Style
from app.figures.sweep_significance import not_independent, significance
from app.figures.sweep_words import METRIC_NAMES, AnySweep, known_metric, swept, technique, under, unit

Numbers = NDArray[np.float64]
_ESTIMATED = "Attribution patching estimates effects on logit_diff only; choose that metric, or an exact sweep."


EXACT_TO = 1e-4
"""Logits by which a cell may differ from TransformerLens (docs/performance.md)."""


@dataclass(frozen=True, eq=False)
class Reading:
    """`values [prompt cell]` and their statistics; `clean`, `corrupted` [prompt] are the metric's own values, `effects`
    what is added to the run that the cells start from; `left_out` counts prompts with a tiny denominator."""

    values: Numbers
    effects: Numbers
    clean: Numbers
    corrupted: Numbers
    spread: Spread
    metric: str
    unit: str
    signed: bool
    left_out: int
    how: str
    """`mean`, or how `recovered` is averaged."""
    delta: str = ""
    """Stands before whatever is a difference of two runs."""

    @property
    def rounding(self) -> float:
        """Effects on a logit difference below it are float32 rounding: the exactness that is tested."""
        return EXACT_TO if self.metric == "logit_diff" and self.how == "mean" else 0.0

    @property
    def what(self) -> str:
        """`effect on logit diff`, `Δ effect on KL divergence`, `recovered logit diff`."""
        return f"{self.delta}{'effect on' if self.how == 'mean' else 'recovered'} {METRIC_NAMES[self.metric]}"

    @property
    def n(self) -> int:
        """Prompts behind the numbers: the most of any cell."""
        return int(self.spread.n.max(initial=0))

    @property
    def fewer(self) -> NDArray[np.bool_]:
        """`[cell]`: computed, on fewer prompts than others, so that its mean is of another set."""
        return (self.spread.n > 0) & (self.spread.n < self.n)

    @property
    def prompts(self) -> str:
        """How many prompts the numbers are of."""
        return prompts_of(self.spread.n, len(self.values) - self.left_out)


def read(result: AnySweep, style: Style) -> Reading:
    """The sweep as the style asks for it."""
    metric = _metric(result, style.metric)
    effects, clean, corrupted = (np.asarray(part, np.float64) for part in _parts(result, metric))
    delta = "Δ " if style.show == "difference" else ""
    named = {"metric": metric, "unit": unit(metric, style.normalised, delta), "clean": clean, "corrupted": corrupted,
             "delta": delta}  # fmt: skip
    if style.normalised == "effect":
        positive = metric == "kl_divergence" and not delta
        return Reading(effects, effects, spread=spread(effects), signed=not positive, left_out=0, how="mean", **named)
    return _recovered(result, effects, style.normalised, named)


def _recovered(result: AnySweep, effects: Numbers, normalised: Normalised, named: dict[str, Any]) -> Reading:
    """`named` are the fields that do not depend on the way of averaging."""
    span, usable = named["clean"] - named["corrupted"], result.usable(named["metric"])
    tiny = int(np.sum(np.isfinite(span) & ~usable))
    span[~usable] = np.nan
    if not usable.any():
        raise BadInput(
            "Recovered divides by clean - corrupted, and no prompt here has both, at least "
            f"{TINY_SPANS[named['metric']]:g} apart in {METRIC_NAMES[named['metric']]}; show the effect instead."
        )
    start = 1.0 if starts_clean(result) else 0.0
    effects = np.where(usable[:, None], effects, np.nan)
    values = effects / span[:, None] + start
    if normalised == "recovered_each":
        found, how = spread(values, tested=effects), "mean of ratios"
    else:
        # (mean effect + start x mean span) / mean span, so that intervals include the start
        found, how = spread(effects + start * span[:, None], over=span, tested=effects), "ratio of means"
    return Reading(values, effects, spread=found, signed=True, left_out=tiny, how=how, **named)


def starts_clean(result: AnySweep) -> bool:
    """Whether the cells start from the clean run: ablations and noising."""
    if isinstance(result, AttributionPatchingResult):
        return result.direction == "noising"
    return result.baseline == "clean"


def turn(x: AnySweep, y: AnySweep, metric: str, normalised: Normalised) -> int:
    """-1 where one sweep's numbers are the other's with opposite sign by definition, because one starts from the clean
    and the other from the corrupted run. KL is a distance from either start: its effects are positive in both sweeps,
    and only its recovered shares are opposite."""
    distance = metric == "kl_divergence" and normalised == "effect"
    return 1 if distance or starts_clean(x) == starts_clean(y) else -1


def _metric(result: AnySweep, asked: str) -> str:
    """The asked metric, or KL where the prompts name no answers."""
    if not known_metric(asked):
        raise BadInput(f"{asked!r} is not a metric; use one of {', '.join(METRICS)}.")
    if isinstance(result, AttributionPatchingResult):
        if asked != "logit_diff":
            raise BadInput(_ESTIMATED)
        return asked
    start = result.clean if starts_clean(result) else result.corrupted
    known: NDArray[np.bool_] = np.any(np.isfinite(start), axis=1)
    kl = METRICS.index("kl_divergence")
    return "kl_divergence" if known[kl] and not known[METRICS.index(asked)] else asked


def _parts(result: AnySweep, metric: str) -> tuple[NDArray[np.float32], ...]:
    """Effects [prompt cell], clean and corrupted [prompt]."""
    at = METRICS.index(metric)
    effects = result.estimate if isinstance(result, AttributionPatchingResult) else result.effect(metric)
    return effects, result.clean[at], result.corrupted[at]


def title_of(result: AnySweep, reading: Reading, style: Style, hidden: bool = False) -> str:
    """What, how, of what, over how many prompts, on which model; `hidden` adds what significance leaves."""
    how = f"{technique(result)} of {swept(result)}{under(result.recipe)}"
    title = f"{reading.what}, {how}, {_over(reading)}, {result.provenance.model}"
    if not hidden:
        return title
    return title + significance(reading.spread) + (f"; {pairs}" if (pairs := not_independent(result)) else "")


def _over(reading: Reading) -> str:
    """`mean over 8 prompts`, with what was left out."""
    prompts = "1 prompt" if reading.prompts == "1 prompt" else f"{reading.how} over {reading.prompts}"
    few = (
        f" ({reading.left_out} left out: |clean − corrupted| < {TINY_SPANS[reading.metric]:g})"
        if reading.left_out
        else ""
    )
    return prompts + few


def prompts_of(n: NDArray[np.int64], asked: int) -> str:
    """`8 prompts`; of what is not complete `1–2 of 8 prompts`. `n [cell]` are those that a cell is computed on."""
    most = int(n.max(initial=0))
    least = int(n.min(initial=most, where=n > 0))
    counted = f"{least}–{most}" if least < most else str(most)
    of = "" if least == most == asked else f" of {asked}"
    return f"{counted}{of} prompt{'' if asked == 1 else 's'}"


def known_mean(values: NDArray[np.floating[Any]]) -> Numbers:
    """`[prompt cell] -> [cell]`, over the prompts that are computed; NaN where none is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.divide(total, known.sum(axis=0), out=np.full(values.shape[1], np.nan), where=known.any(axis=0))
