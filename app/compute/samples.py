"""Activations at single positions of texts: what directions are made from, and what maps of activations show."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.effective import check_seen
from app.compute.memo import once
from app.compute.passes import Ids, captured, everywhere
from app.domain.errors import BadPrompt
from app.domain.samples import Sample, Stream
from app.domain.sites import Site, check_site
from app.models.loaded import LoadedModel
from app.models.tokens import tokenise

LONGEST = 2048
"""Tokens of a sample's text: one pass keeps its attention of all layers in turn, which grows with their square."""


def activations(
    model: LoadedModel, activation: Stream, layer: int, samples: Iterable[Sample]
) -> Float[Tensor, "sample d_model"]:
    """Of the plain model, float32, in the order of the samples; one forward pass per text, of which the positions that
    are asked for are remembered: a text may be thousands of tokens long."""
    site = Site(activation, layer)
    check_site(model.facts, site, 1)
    check_seen(model, (site,))
    placed = [_placed(model, each) for each in samples]
    asked: dict[Ids, set[int]] = {}
    for ids, at in placed:
        asked.setdefault(ids, set()).add(at)
    found = {ids: _rows(model, site, ids, tuple(sorted(positions))) for ids, positions in asked.items()}
    return torch.stack([found[ids][sorted(asked[ids]).index(at)] for ids, at in placed])


def check_samples(model: LoadedModel, activation: Stream, layer: int, samples: Iterable[Sample]) -> None:
    """Refuse a place that the model does not have, and positions that the texts do not."""
    check_site(model.facts, Site(activation, layer), 1)
    for each in samples:
        _placed(model, each)


def _placed(model: LoadedModel, sample: Sample) -> tuple[Ids, int]:
    """Its tokens, and its position among them."""
    tokens = tokenise(model, sample.text, min(model.facts.n_ctx, LONGEST))
    count, at = len(tokens), -1 if sample.position is None else sample.position
    if not -count <= at < count:
        raise BadPrompt(
            f"{sample.text!r} has {count} tokens, so position {at} does not exist; choose one from 0 to {count - 1}."
        )
    return tokens.ids, at % count


def _rows(model: LoadedModel, site: Site, ids: Ids, positions: tuple[int, ...]) -> Float[Tensor, "position d_model"]:
    """What the hook of the site shows at these positions of one text, and no view into all of it."""
    name = site.hook_name

    def read() -> Tensor:
        return captured(model, ids, {name: everywhere})[1][name][list(positions)].float().clone()

    return once(model, ("sample", name, ids, positions), read)
