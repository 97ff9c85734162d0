"""The residual stream at the points and positions that a lens reads, translated where the lens is a tuned one."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.memo import once
from app.compute.normalization import affine_norm
from app.compute.passes import everywhere
from app.compute.prompts import ReadPrompt, run_of
from app.compute.runs import capture
from app.domain.lens_recipes import ComponentLens, LogitLens, Place
from app.domain.sites import Site, check_site, within
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids
from app.models.tuned_lens import TunedLens, check_stream, fingerprint, read_tuned_lens

_ORDER: tuple[Place, ...] = ("resid_pre", "resid_mid", "resid_post")


@dataclass(frozen=True, eq=False)
class Streams:
    """`stack` is what the final norm reads, at points named `0_pre`, `0_mid`, `0_post`, ...; `final` is the stream that
    the model itself reads."""

    points: tuple[str, ...]
    positions: tuple[int, ...]
    lens: str
    stack: Float[Tensor, "point pos d_model"]
    final: Float[Tensor, "pos d_model"]


def check_lens(model: LoadedModel, recipe: LogitLens | ComponentLens, prompt: ReadPrompt) -> None:
    """Refuse tokens, positions, points and layers that are not there, and a tuned lens that does not fit."""
    n_positions, facts = len(prompt.clean), model.facts
    answer_ids(model, recipe.tokens)
    if isinstance(recipe, ComponentLens):
        within(() if recipe.position is None else (recipe.position,), n_positions, "positions", "The prompt")
        within(() if recipe.layer is None else (recipe.layer,), facts.n_layers, "layers", facts.title)
        return
    within(recipe.positions or (), n_positions, "positions", "The prompt")
    for _, site in _sites(model, recipe.points):
        check_site(facts, site, n_positions)
    tuned_lens(model, recipe)


def lens_streams(model: LoadedModel, prompt: ReadPrompt, recipe: LogitLens) -> Streams:
    """The streams of one prompt's run; refuses positions, points and lenses that do not fit."""
    check_lens(model, recipe, prompt)
    positions = tuple(range(len(prompt.clean))) if recipe.positions is None else recipe.positions
    tuned = tuned_lens(model, recipe)
    final, at = run_of(model, prompt, recipe.interventions).resid_post, list(positions)
    if recipe.points == ("resid_post",):
        named = {f"{layer}_post": stream for layer, stream in enumerate(final)}
    else:
        named = _captured(model, prompt, recipe)
    streams = {point: stream[at] for point, stream in named.items()}
    if tuned is not None:
        streams = {point: tuned.translated(stream, _translator(point)) for point, stream in streams.items()}
    name = "logit lens" if tuned is None else f"tuned lens {tuned.name}"
    return Streams(tuple(streams), positions, name, torch.stack([*streams.values()]), final[-1, at])


def tuned_lens(model: LoadedModel, recipe: LogitLens) -> TunedLens | None:
    """The translators of the recipe; None for a logit lens."""
    return None if recipe.lens == "logit" else _translators(model, recipe.folder, recipe.fingerprint)


def fitting_lens(model: LoadedModel, folder: str) -> str:
    """The fingerprint of the tuned lens in a folder, read and found to fit the model."""
    found = fingerprint(folder)
    _translators(model, folder, found)
    return found


def _translators(model: LoadedModel, folder: str, expected: str) -> TunedLens:
    """Remembered with the model."""
    with model.lock:
        norm = affine_norm(model.bridge.ln_final, model.facts.d_model, model.bridge.W_U)
    check_stream(model.facts, norm.centres)
    return once(model, ("tuned lens", folder, expected), lambda: read_tuned_lens(folder, model.facts, expected))


def _translator(point: str) -> int:
    """Of `3_pre` the translator is 3, of `3_post` 4: it reads what stands before that block."""
    layer, place = point.split("_")
    return int(layer) + (place == "post")


def _captured(model: LoadedModel, prompt: ReadPrompt, recipe: LogitLens) -> dict[str, Float[Tensor, "pos d_model"]]:
    sites = dict(_sites(model, recipe.points))
    check_seen(model, sites.values())
    keep = {site.hook_name: everywhere for site in sites.values()}
    mine = for_prompt(recipe.interventions, prompt.index)
    _, kept = capture(model, prompt.clean.ids, keep, mine, prompt.corrupted_ids)
    return {point: kept[site.hook_name].float() for point, site in sites.items()}


def _sites(model: LoadedModel, points: tuple[Place, ...]) -> Iterator[tuple[str, Site]]:
    """By the name of the point, in the order of the forward pass."""
    for layer in range(model.facts.n_layers):
        for place in _ORDER:
            if place in points and (place != "resid_pre" or layer == 0):
                yield f"{layer}_{place.removeprefix('resid_')}", Site(place, layer)
