"""Changes made to a run while it runs. Data only: `app.compute.hooks` turns them into hooks.

Ablate `zero`: the activation becomes 0 there. `mean`: its mean over the reference prompts, either one vector pooled
over all positions (BOS left out) or, where not `pooled`, one per position. `resample`: what it is on another prompt of
the reference; `draw` counts through a seeded order of them. Patch: the activation is taken from another run, by default
from the other prompt of the pair: noising where the clean prompt is run, denoising where the corrupted one is.
KnockOutEdge: single entries of the attention pattern are overwritten. GaussianNoise: causal tracing's corruption.
Changes along directions of the residual stream are in `app.domain.direction_interventions`.

`freeze` holds attention patterns, or the scales of all norms, at what they are without any intervention, in the whole
run. `prompts` restricts an intervention to some prompts of the recipe.
Sources: docs/formulas.md; Heimersheim and Nanda 2024, https://arxiv.org/abs/2404.15255 (patching); Meng et al. 2022,
https://arxiv.org/abs/2202.05262 (causal tracing).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from app.domain.direction_interventions import Clamp, ClampFeature, ProjectOut, Steer, SwapAlong
from app.domain.errors import BadSite
from app.domain.intervention_base import Frozen, Reference
from app.domain.sites import Site

Method = Literal["zero", "mean", "resample"]
Edge = tuple[int, int]
"""(dest_pos, src_pos): the query's position and the key's."""


@dataclass(frozen=True)
class Ablate:
    """Remove what a site carries. On `z` a zero leaves b_O (and folded value biases) in place.

    `resample` copies position by position: prompts of the reference that are shorter than the run's are left out,
    longer ones are cut, and so are those equal to the run's own.
    """

    site: Site
    method: Method = "zero"
    reference: Reference = "background"
    pooled: bool = True
    seed: int = 0
    draw: int = 0
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["ablate"] = "ablate"

    def __post_init__(self) -> None:
        if self.method == "mean" and self.pooled and self.site.activation == "pattern":
            raise BadSite(
                "A mean over positions is not defined on pattern; set pooled to false, or use zero or resample."
            )

    def __str__(self) -> str:
        return f"{self.method} {self.site}"


@dataclass(frozen=True)
class Patch:
    """The run takes this site from another run: from the pair's other prompt, or from the prompt `source`.

    `source_positions` pairs each of the site's positions with one of the source (None = the same positions).
    """

    site: Site
    source: str | None = None
    source_positions: tuple[int, ...] | None = None
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["patch"] = "patch"

    def __post_init__(self) -> None:
        if self.source_positions is None:
            return
        if self.site.positions is None or len(self.site.positions) != len(self.source_positions):
            raise BadSite(
                f"source_positions={self.source_positions} must pair with the site's positions, which are "
                f"{self.site.positions}; give both, with the same count."
            )
        if self.site.activation == "pattern":
            raise BadSite(
                "A pattern row means its own positions, so it cannot be patched from others; patch q, k or z."
            )

    def __str__(self) -> str:
        return f"patch {self.site}" + ("" if self.source is None else f" from {self.source!r}")


@dataclass(frozen=True)
class KnockOutEdge:
    """Single attention edges set to `value`; `renormalise` rescales the rest of the row so that it sums to 1 again."""

    layer: int
    edges: tuple[Edge, ...]
    heads: tuple[int, ...] | None = None
    value: float = 0.0
    renormalise: bool = False
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["knock_out_edge"] = "knock_out_edge"

    def __post_init__(self) -> None:
        if not self.edges or any(not 0 <= src <= dest for dest, src in self.edges):
            raise BadSite(f"edges={self.edges}: give pairs (query, key) of positions with key <= query, from 0.")
        if not 0 <= self.value <= 1:
            raise BadSite(f"An attention weight lies between 0 and 1, and value={self.value}; give one that does.")

    @property
    def site(self) -> Site:
        """The rows of the pattern that it touches."""
        return Site("pattern", self.layer, self.heads, tuple(sorted({dest for dest, _ in self.edges})))

    def __str__(self) -> str:
        heads = "" if self.heads is None else "H" + ",".join(map(str, self.heads))
        change = "knock out" if self.value == 0 else f"set to {self.value:g}"
        return f"{change} L{self.layer}{heads} {spoken_edges(self.edges)}"


_MOST_EDGES = 4
"""Edges that are named one by one."""


def spoken_edges(given: tuple[Edge, ...]) -> str:
    """`14→2 14→4`; many as `12 edges 10-14→2-4` where they are all of these queries and keys, else the first ones."""
    edges = sorted(set(given))
    if len(edges) <= _MOST_EDGES:
        return " ".join(f"{dest}→{src}" for dest, src in edges)
    queries, keys = (_span([edge[at] for edge in edges]) for at in (0, 1))
    between = sum(max(0, min(keys[-1], dest) - keys[0] + 1) for dest in queries)
    which = f"{_written(queries)}→{_written(keys)}" if len(edges) == between else f"{spoken_edges(tuple(edges[:2]))} …"
    return f"{len(edges)} edges {which}"


def _span(positions: list[int]) -> range:
    return range(min(positions), max(positions) + 1)


def _written(span: range) -> str:
    return f"{span[0]}-{span[-1]}" if len(span) > 1 else str(span[0])


@dataclass(frozen=True)
class GaussianNoise:
    """Noise on the embeddings of chosen tokens: resid_pre of layer 0 += scale x std x N(0, 1), where std is that of all
    components of the embeddings of these tokens. `draw` counts through the draws of one seed."""

    positions: tuple[int, ...]
    scale: float = 3.0
    seed: int = 1
    draw: int = 0
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["gaussian_noise"] = "gaussian_noise"

    def __post_init__(self) -> None:
        if self.scale < 0:
            raise BadSite(f"Noise of {self.scale:g} standard deviations does not exist; give 0 or more (3 is usual).")
        _ = self.site  # refuses positions that select nothing

    @property
    def site(self) -> Site:
        """Where it is added."""
        return Site("resid_pre", 0, None, self.positions)

    def __str__(self) -> str:
        return f"noise {self.scale:g}σ @{','.join(map(str, self.positions))} seed {self.seed}"


AnyIntervention = Ablate | Patch | KnockOutEdge | GaussianNoise | Steer | Clamp | ProjectOut | SwapAlong | ClampFeature
Intervention = Annotated[AnyIntervention, Field(discriminator="kind")]
Interventions = tuple[AnyIntervention, ...]


_REPLACES: dict[str, Callable[[int], tuple[int, int]]] = {
    **dict.fromkeys(("z", "attn_out"), lambda layer: (layer, layer + 1)),
    "resid_pre": lambda layer: (0, layer),
    **dict.fromkeys(("resid_mid", "resid_post"), lambda layer: (0, layer + 1)),
}
"""Activation -> the layers whose heads a change of it replaces: first, and after the last."""


_REPLACES_MLPS: dict[str, Callable[[int], tuple[int, int]]] = {
    "mlp_out": lambda layer: (layer, layer + 1),
    **dict.fromkeys(("resid_pre", "resid_mid"), lambda layer: (0, layer)),
    "resid_post": lambda layer: (0, layer + 1),
}
"""Activation -> the layers whose MLPs a change of it replaces: first, and after the last."""


def frozen(interventions: Interventions) -> frozenset[Frozen]:
    """What is held at the plain run's values in a run under these interventions."""
    return frozenset(part for each in interventions for part in each.freeze)


def goes_on(each: AnyIntervention) -> bool:
    """Whether it holds where a text is generated, too: what does not belong to positions of the prompt."""
    if each.site.positions is not None:
        return False
    if isinstance(each, Ablate):
        return each.method == "zero" or (each.method == "mean" and each.pooled)
    if isinstance(each, ProjectOut):
        return each.to == "zero" or each.pooled
    return isinstance(each, Steer | Clamp | ClampFeature)


def adds(each: AnyIntervention) -> bool:
    """Whether it only adds to what the model wrote."""
    return isinstance(each, GaussianNoise | Steer | ClampFeature)


def replaces_stream(interventions: Interventions, layer: int) -> bool:
    """Whether something stands in place of what the model wrote into the stream that this layer reads."""
    sites = [each.site for each in interventions if not adds(each)]
    before = {"resid_pre": layer + 1, "resid_mid": layer, "resid_post": layer}
    return any(site.layer < before.get(site.activation, 0) for site in sites)


def replaced_at_end(
    interventions: Interventions, n_positions: int
) -> tuple[tuple[int, int, tuple[int, ...] | None], ...]:
    """(first layer, layer after the last, heads; None = all) of the heads in whose place at the last position these put
    something else, in z, attn_out or the stream after them, be it along one direction."""
    sites = [each.site for each in interventions if each.site.activation in _REPLACES and not adds(each)]
    return tuple(
        (*_REPLACES[site.activation](site.layer), site.heads)
        for site in sites
        if site.positions is None or n_positions - 1 in site.positions
    )


def mlps_replaced_at_end(interventions: Interventions, n_positions: int) -> frozenset[int]:
    """The layers in whose MLP's place at the last position these put something else, in mlp_out or the stream."""
    sites = [each.site for each in interventions
             if each.site.activation in _REPLACES_MLPS and not adds(each)]  # fmt: skip
    at_end = [site for site in sites if site.positions is None or n_positions - 1 in site.positions]
    return frozenset(layer for site in at_end for layer in range(*_REPLACES_MLPS[site.activation](site.layer)))
