"""Results: frozen, labelled NumPy arrays with the baselines needed to draw without the model.

Every array field names its axes in `axes(...)`. `prompt` is always an index into the recipe's prompts. Effects are
`intervened - clean`, so a negative ablation effect means the head helped. Logits, log-probabilities, entropies and
KL are in nats. NaN means "not computed (yet)", never zero.

On disk a result is an npz without pickle: its arrays plus one JSON text; `to_bytes` / `from_bytes`.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import MicrotomeError
from app.domain.models import Provenance

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Strings = NDArray[np.str_]

METRICS = ("logit_diff", "answer_log_prob", "probability", "rank", "kl_divergence")
"""logit_diff: mean answer logit - mean incorrect_answer logit. answer_log_prob: log of the answers' total
probability. probability: its exponential. rank: tokens with a strictly larger logit than the best answer (0 = top).
kl_divergence: KL(baseline || this run) of the next-token distribution, nats, 0 on the baseline itself."""


def axes(*names: str, difference: bool | Literal["own", "within"] | None = True) -> Any:
    """An array field with these axis names. `difference`: whether intervened - baseline has a meaning; where it has
    none, a difference keeps the intervened run's values (False), or has no values (None). `own`: only in a sweep that
    starts from this run, whose effects need it. `within`: the baseline's values stand in the result itself, called
    `plain_{name}`, because two runs show other ones."""
    return field(metadata={"axes": names, "difference": difference})


class Drawing(Protocol):
    """What makes tables and figures of results, which know neither pandas nor Plotly; the engine hands it in."""

    def table(self, result: "Result") -> Any: ...
    def figure(self, result: "Result", selection: Any, style: dict[str, Any]) -> Any: ...
    def page(self, result: "Result") -> str: ...


_DRAWINGS: list[Callable[[], Drawing]] = []


def draw_with(load: Callable[[], Drawing]) -> None:
    """From now on results are drawn by what this gives when it is first needed."""
    _DRAWINGS[:] = [load]


def _drawing() -> Drawing:
    if not _DRAWINGS:
        raise MicrotomeError("Results are drawn beside an engine, and none is imported; write `import app.engine`.")
    return _DRAWINGS[0]()


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """What every result carries: the recipe as JSON text, its digest, and where the numbers come from."""

    recipe: str
    digest: str
    provenance: Provenance

    def table(self) -> Any:
        """The long table, a `pandas.DataFrame`: one row per value, with its labels."""
        return _drawing().table(self)

    def figure(self, selection: Any = None, **style: Any) -> Any:
        """The analysis' own figure, a `plotly.graph_objects.Figure`, as an export draws it. `style` are fields of
        `app.domain.views.Style` (theme, show, metric, width, height, ...), `selection` marks what it names."""
        return _drawing().figure(self, selection, style)

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return _drawing().page(self)


@dataclass(frozen=True, eq=False, kw_only=True)
class PredictionResult(Result):
    """Next token at END. `metrics` follows METRICS; NaN where the prompt names no answers."""

    top_tokens: Strings = axes("prompt", "rank", difference=False)
    top_probabilities: Floats = axes("prompt", "rank", difference=False)
    top_logits: Floats = axes("prompt", "rank", difference=False)
    metrics: Floats = axes("metric", "prompt")
    corrupted_metrics: Floats = axes("metric", "prompt", difference=None)
    """The same metrics on the corrupted prompt's plain run; NaN where there is none."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DirectLogitAttributionResult(Result):
    """Shares of the logit difference. `components.sum(-1) == logit_diff`: the last component, `bias`, is the
    answers' unembedding bias. `heads.sum(-1) + attn_bias == ` the `L{l}.attn` component."""

    component_labels: tuple[str, ...]
    """`embed`, `pos_embed` (learned positions only), `L0.attn`, `L0.mlp`, ..., `bias`."""
    components: Floats = axes("prompt", "component")
    heads: Floats = axes("prompt", "layer", "head")
    attn_bias: Floats = axes("prompt", "layer")
    logit_diff: Floats = axes("prompt")


@dataclass(frozen=True, eq=False, kw_only=True)
class AttentionPatternResult(Result):
    """Post-softmax attention; rows (dest_pos) are queries and sum to 1 over src_pos (keys)."""

    layers: tuple[int, ...]
    str_tokens: tuple[str, ...]
    pattern: Floats = axes("layer", "head", "dest_pos", "src_pos")


@dataclass(frozen=True, eq=False, kw_only=True)
class ResidualTrajectoryResult(Result):
    """Logit difference read from the residual stream at END after each sublayer. `lens` recomputes the final norm
    on each stream (logit lens); `cumulative` divides by the final run's own scale, so its steps are direct
    attributions. Both end at the same value, the logit difference."""

    points: tuple[str, ...]
    """`0_pre`, `0_mid`, `1_pre`, ..., `final`; parallel blocks and attention-only models have no `_mid`."""
    lens: Floats = axes("prompt", "point")
    cumulative: Floats = axes("prompt", "point")
    logit_diff: Floats = axes("prompt")


TINY_SPANS: dict[str, float] = dict(zip(METRICS, (0.1, 0.1, 0.01, 1.0, 0.1), strict=True))
"""|clean - corrupted| below which a prompt's `recovered` divides by almost nothing: flagged, left out of ratios. In
each metric's unit: nats, nats, probability, ranks, nats."""


class _Compared:
    """What has cells, and metrics of a clean and of a corrupted run."""

    cells: Ints
    clean: Floats
    corrupted: Floats

    def usable(self, metric: str = "logit_diff") -> NDArray[np.bool_]:
        """`[prompt]`: whether |clean - corrupted| is at least the metric's TINY_SPANS; False without either."""
        at = METRICS.index(metric)
        return np.abs(self.clean[at] - self.corrupted[at]) >= TINY_SPANS[metric]

    def grid(self, values: Floats) -> Floats:
        """`[... cell]` -> `[... axis axis]`, like `[prompt layer head]`: axes from 0, NaN where there is no cell."""
        shape = tuple(int(count) + 1 for count in self.cells.max(axis=0))
        found: Floats = np.full((*values.shape[:-1], *shape), np.nan, np.float32)
        found[(..., *self.cells.T)] = values
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class SweepResult(_Compared, Result):
    """METRICS at END of every cell of a sweep. NaN = not computed yet. `baseline` says which of the two runs the cells
    start from: `clean` for ablations and noising, `corrupted` for denoising."""

    method: str
    """`zero`, `mean`, `resample`, `denoising`, `noising` or `causal tracing`."""
    reference: str
    """Name of the reference set of a mean or resample ablation, `none` elsewhere."""
    engine: str
    """`replay`, or `bridge: ` and why."""
    baseline: str
    activation: str
    cell_axes: tuple[str, ...]
    """The names of a cell's axes, see app.domain.cells."""
    cells: Ints = axes("cell", "axis", difference=False)
    str_tokens: Strings = axes("prompt", "position", difference=False)
    """Tokens of the prompts that are run, shorter ones padded with empty strings."""
    other_tokens: Strings = axes("prompt", "position", difference=False)
    """Those of the pairs' other prompts, like `str_tokens`; the same as there where there is none of that length."""
    values: Floats = axes("metric", "prompt", "cell")
    clean: Floats = axes("metric", "prompt", difference="own")
    corrupted: Floats = axes("metric", "prompt", difference="own")
    """NaN where there is no corrupted run."""

    def effect(self, metric: str = "logit_diff") -> Floats:
        """`[prompt cell]` value - baseline: negative ablation and noising effects mean the cell helped the answer (for
        logit_diff), positive denoising effects that it restores it."""
        at = METRICS.index(metric)
        return self.values[at] - getattr(self, self.baseline)[at][:, None]

    def recovered(self, metric: str = "logit_diff") -> Floats:
        """`[prompt cell]` (value - corrupted) / (clean - corrupted): 0 = corrupted, 1 = clean; NaN where not usable."""
        at = METRICS.index(metric)
        span = np.where(self.usable(metric), self.clean[at] - self.corrupted[at], np.nan)
        return (self.values[at] - self.corrupted[at][:, None]) / span[:, None]


@dataclass(frozen=True, eq=False, kw_only=True)
class AttributionPatchingResult(_Compared, Result):
    """Estimated and exact effects on logit_diff, signed as the exact sweep of the same direction signs them."""

    direction: str
    engine: str
    activation: str
    cell_axes: tuple[str, ...]
    cells: Ints = axes("cell", "axis", difference=False)
    str_tokens: Strings = axes("prompt", "position", difference=False)
    other_tokens: Strings = axes("prompt", "position", difference=False)
    estimate: Floats = axes("prompt", "cell")
    exact: Floats = axes("prompt", "cell")
    """NaN where not computed (yet)."""
    group: Ints = axes("cell", difference=False)
    """Why a cell is computed exactly: 0 it is not, 1 top, 2 bottom, 3 random sample."""
    clean: Floats = axes("metric", "prompt")
    corrupted: Floats = axes("metric", "prompt")


@dataclass(frozen=True, eq=False, kw_only=True)
class SelfRepairResult(Result):
    """Direct attributions to logit_diff before and after an intervention, each with its own run's final scale.

    `parts` add up to what was repaired: `after - before - removed`, where `removed` is the (negative) direct
    attribution that the intervention takes away.
    """

    component_labels: tuple[str, ...]
    part_labels: tuple[str, ...]
    """`rescaling`, `heads`, `mlps` and what else there is."""
    removed: Floats = axes("prompt")
    parts: Floats = axes("prompt", "part")
    heads_before: Floats = axes("prompt", "layer", "head")
    heads_after: Floats = axes("prompt", "layer", "head")
    components_before: Floats = axes("prompt", "component")
    components_after: Floats = axes("prompt", "component")
    scale_ratio: Floats = axes("prompt")
    """Final norm's scale before / after: above 1, everything else is enlarged."""
    before: Floats = axes("prompt")
    after: Floats = axes("prompt")
    """The logit difference."""


@dataclass(frozen=True, eq=False, kw_only=True)
class GenerationResult(Result):
    """The generated tokens of one prompt, with the log-probability (nats, at temperature 1) the model gave to each."""

    str_tokens: tuple[str, ...]
    """The prompt's."""
    generated: Strings = axes("step", difference=False)
    log_probs: Floats = axes("step", difference=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class CorrectnessMetersResult(Result):
    """One row per identity: the largest deviation found, and the tolerance it must stay under. NaN = does not
    apply here (`notes` says why)."""

    names: tuple[str, ...]
    notes: tuple[str, ...]
    deviation: Floats = axes("meter", difference=False)
    tolerance: Floats = axes("meter", difference=False)


R = TypeVar("R", bound=Result)


def array_axes(kind: type[Result]) -> dict[str, tuple[str, ...]]:
    """Array field -> its axis names."""
    return {f.name: f.metadata["axes"] for f in fields(kind) if "axes" in f.metadata}


def difference(intervened: R, baseline: R) -> R:
    """Intervened - baseline for every array where that has a meaning. Tokens and their probabilities are the intervened
    run's; metrics of the corrupted run become NaN, because beside a difference they would be read as its baseline."""
    changed: dict[str, Floats] = {}
    own = getattr(intervened, "baseline", "")
    for name, kept in ((f.name, f.metadata.get("difference", False)) for f in fields(intervened)):
        kept = (name == own or None) if kept == "own" else kept
        if kept is not False:
            value = getattr(intervened, name)
            other = getattr(intervened, f"plain_{name}") if kept == "within" else getattr(baseline, name)
            changed[name] = value - other if kept else np.full_like(value, np.nan)
    return replace(intervened, **changed)


def to_bytes(result: Result) -> bytes:
    """One npz without pickle."""
    arrays = {name: getattr(result, name) for name in array_axes(type(result))}
    plain = {f.name: getattr(result, f.name) for f in fields(result) if f.name not in arrays}
    plain["provenance"] = vars(result.provenance)
    text = np.frombuffer(json.dumps(plain).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, __plain__=text)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def from_bytes(kind: type[R], raw: bytes) -> R:
    """Read what `to_bytes` wrote. Raises ValueError, KeyError, TypeError, OSError or zipfile.BadZipFile on damage."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as stored:
        plain: dict[str, Any] = json.loads(bytes(stored["__plain__"]))
        arrays = {name: stored[name] for name in array_axes(kind)}
    given = plain.pop("provenance")
    given["versions"] = tuple((str(k), str(v)) for k, v in given["versions"])
    values: dict[str, Any] = {
        name: tuple(cast(list[Any], v)) if isinstance(v, list) else v for name, v in plain.items()
    }
    return kind(provenance=Provenance(**given), **values, **arrays)
