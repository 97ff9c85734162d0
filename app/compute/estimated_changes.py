"""What a gradient is multiplied with to give estimates: the change of an activation from the run that is patched to the
source, or of the attention rows that a patched query or key makes (attention_rows.py)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.attention_rows import (
    Positions,
    Rerun,
    effect_of_each_key,
    follow,
    patched_together,
    with_keys,
    with_queries,
)
from app.compute.passes import Hook, Ids, captured, everywhere
from app.domain.cells import Cells
from app.domain.sites import Site
from app.models.loaded import LoadedModel

Effect = Callable[[Tensor], Tensor]
"""A gradient, laid out as its activation -> estimates `[...]` by a cell's axes after the layer."""
Changes = Mapping[Site, Effect]
"""By the site whose gradient is asked; one per layer."""


@dataclass(frozen=True, eq=False)
class Patched:
    """What is patched from what: the run of `ids` under `hooks` takes values from the plain run of `source_ids`."""

    ids: Ids
    source_ids: Ids
    answers: tuple[Ids, Ids]
    hooks: Sequence[Hook] = ()


def seen(
    model: LoadedModel, ids: Ids, sites: Sequence[Site], hooks: Sequence[Hook] = ()
) -> tuple[Tensor, dict[Site, Tensor]]:
    """Logits at END and whole activations of a run."""
    logits, kept = captured(model, ids, {site.hook_name: everywhere for site in sites}, hooks)
    return logits, {site: kept[site.hook_name] for site in sites}


def changes_of_activations(cells: Cells, base: Mapping[Site, Tensor], source: Mapping[Site, Tensor]) -> Changes:
    """Of the activation itself: (source - base) . gradient."""

    def effect(change: Tensor, gradient: Tensor) -> Tensor:
        return _by_axes(cells, change * gradient)

    sites = [site for site in base if site.activation == cells.activation]
    return {site: partial(effect, _wide(source[site]) - _wide(base[site])) for site in sites}


def _wide(x: Tensor) -> Tensor:
    """At least float32: low-precision differences of large activations would lose what the patch changes."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _by_axes(cells: Cells, product: Tensor) -> Tensor:
    """Element-wise estimates of one layer, summed to a cell's axes after the layer."""
    if cells.activation == "pattern":
        return product if cells.by == "edge" else _rows(cells, product.sum(-1))
    if "head" in cells.axes:
        return _rows(cells, product.sum(-1).T)  # [head pos]
    return _rows(cells, product.T if "neuron" in cells.axes else product.sum(-1))


def _rows(cells: Cells, by_position: Float[Tensor, "... pos"]) -> Tensor:
    return by_position if cells.by == "position" else by_position.sum(-1)


def changes_of_rows(
    model: LoadedModel, patched: Patched, cells: Cells, base: Mapping[Site, Tensor], source: Mapping[Site, Tensor]
) -> Changes:
    """Of the attention rows, where queries or keys are patched."""
    rerun = _rerun(model, patched)
    patterns = {site.layer: _wide(value) for site, value in base.items() if site.activation == "pattern"}
    base, source = ({s: x for s, x in values.items() if s.activation != "pattern"} for values in (base, source))
    n_heads = cells.n_heads(model.facts)
    if cells.activation == "k" and cells.by == "position":
        passes = [(at, with_keys(rerun, base, source, at)) for at in patched_together(base, source, patterns)]
        return {
            Site("pattern", n): partial(_each_key, n_heads, pattern, [(at, _wide(rows[n])) for at, rows in passes])
            for n, pattern in patterns.items()
        }
    new = (with_queries if cells.activation == "q" else with_keys)(rerun, base, source)
    return {
        Site("pattern", n): partial(_whole_rows, cells, n_heads, _wide(new[n]) - pattern)
        for n, pattern in patterns.items()
    }


def _rerun(model: LoadedModel, patched: Patched) -> Rerun:
    return lambda hooks, sites: seen(model, patched.ids, sites, [*patched.hooks, *hooks])[1]


def _whole_rows(cells: Cells, n_heads: int, change: Tensor, gradient: Tensor) -> Tensor:
    """`[head dest_pos]`, or `[head]`; key-value heads gather the rows of their query heads."""
    by_row = _rows(cells, (change * gradient).sum(-1))
    return by_row.unflatten(0, (n_heads, -1)).sum(1)


def _each_key(
    n_heads: int, pattern: Tensor, passes: Sequence[tuple[Positions, Tensor]], gradient: Tensor
) -> Float[Tensor, "head src_pos"]:
    return effect_of_each_key(pattern, passes, _wide(gradient)).unflatten(0, (n_heads, -1)).sum(1)


def why_not(model: LoadedModel, patched: Patched, base: Mapping[Site, Tensor], source: Mapping[Site, Tensor]) -> str:
    """Empty where setting q and k sets the rows, checked once per model against its own pattern."""
    key = "attention rows follow q and k"
    with model.lock:
        if key not in model.memo and patched.ids != patched.source_ids:
            model.memo[key] = follow(lambda hooks, sites: seen(model, patched.ids, sites, hooks)[1], source)
        follows = model.memo.get(key, True)
    return "" if follows else "plain gradients of q and k, whose changes this model's pattern does not follow"
