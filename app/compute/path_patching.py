"""Exact effects of patching direct paths: from one head into the queries, keys or values of a later one, each alone.

One end is named and the other tried: every later head that reads a source, or every earlier head that a receiver reads.
On the run that is patched, a later head reads the stream as if the source head had written what it writes on the pair's
other prompt, at every position: `Delta = (z_other - z_run)[source] W_O[source]` is added to that head's own copy of the
stream before ln1. Everything else reads the source head as it is in the run, so nothing that lies between the two heads
carries the change (Wang et al. 2022, https://arxiv.org/abs/2211.00593, patch more: there the MLPs in between are
recomputed). The norm is recomputed, so no step is linearised. Signs are those of activation_patching.py: denoising is
positive where the path is enough to restore the answer, noising negative where it is needed.

A cell is a row that holds the later head's q, k or v at what it is where its layer's stream has Delta added. Of a
source, one run with Delta in all streams gives that for every reader; of a receiver, its layer's attention reads the
stream once per writer. Both engines make those runs, and the rows.
Where heads share keys and values, a receiver of k or v is the key-value head, which all its heads read. Refused: k and
v of a source's readers there, as TransformerLens does, because no head has a k or v of its own; and layers whose heads
do not simply add `z W_O` to the stream.
Not done: paths into MLPs or the logits, and paths through several heads.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.activation_patching import Ends, lengths, patched_prompts, runs_ahead
from app.compute.bases import Freeze, Runs, in_force
from app.compute.passes import Ids
from app.compute.report import Report, silent
from app.compute.room import Room
from app.compute.sweep_plan import Asked, Plan, planned
from app.compute.sweeping import Draw, Start, Sweep, by_layer
from app.compute.variations import Held, Row, Values
from app.domain.errors import BadRecipe
from app.domain.recipes import PathPatching, exact_patching, patched_run
from app.domain.results import SweepResult
from app.domain.sites import Activation, Head, Site
from app.models.loaded import LoadedModel

ADDITIVE = 2.5e-2
"""What a block adds beside its heads and MLP may differ by this share between positions: TransformerLens' own bound."""


def path_patching(
    model: LoadedModel,
    recipe: PathPatching,
    report: Report = silent,
    resume: SweepResult | None = None,
    **asked: Unpack[Asked],
) -> SweepResult:
    """METRICS of every path of every prompt."""
    return planned(path_plan, model, recipe, report, resume, **asked)


def path_plan(model: LoadedModel, recipe: PathPatching, max_tokens: int, runs: Runs) -> Plan:
    """Pairs in the order that the direction says, and the heads that are tried on them."""
    check_writes(model, recipe)
    pairs = patched_prompts(model, exact_patching(recipe), max_tokens)

    def start(index: int) -> Start:
        return path_start(model, recipe, pairs[index], runs)

    ahead = functools.partial(runs_ahead, pairs, not recipe.interventions)
    prompts = [pair.patched for pair in pairs]
    return Plan(_sweep(model, recipe, lengths(pairs)), prompts, start, ahead, recipe.direction, patched_run(recipe))


def _sweep(model: LoadedModel, recipe: PathPatching, lengths: tuple[int, ...]) -> Sweep:
    cells = recipe.tried(model.facts.n_layers)
    if recipe.receiver is None:
        return Sweep(cells, model.facts, lengths)
    return IntoReceiver(cells, model.facts, lengths, read_at(model, recipe, recipe.receiver))


@dataclass(frozen=True)
class IntoReceiver(Sweep):
    """Cells are the heads that write; what every one of them changes is what the receiver reads."""

    reads: Site

    @property
    def changes(self) -> Activation:
        """The receiver's input."""
        return self.reads.activation

    def row(self, place: Sequence[int], value: Values) -> Row:
        """The receiver's input where this head writes what it writes on the other prompt."""
        layer, head = map(int, place)
        return (Held(self.reads, value(Site("z", layer, (head,)))),)


def read_at(model: LoadedModel, recipe: PathPatching, receiver: Head) -> Site:
    """The receiver's q, k or v; of shared keys and values the key-value head that it reads."""
    size = 1 if recipe.component == "q" else model.facts.n_heads // model.facts.n_key_value_heads
    return Site(recipe.component, receiver.layer, (receiver.head // size,))


def path_start(model: LoadedModel, recipe: PathPatching, ends: Ends, runs: Runs) -> Start:
    """A prompt's base run, and what is read where a head writes as on the pair's other prompt."""
    ids, other = ends.patched.clean.ids, ends.source.clean.ids
    own, freeze = in_force(model, ends.patched, recipe.interventions, frozenset(), runs)
    run = _Pair(model, runs, ids, own, freeze, runs.values(ids, own, freeze), runs.values(other))
    room = Room.of(model, recipe.tried(model.facts.n_layers), len(ids))
    if recipe.source is not None:
        value = by_layer(run.read_from(recipe.source), room.kept)
    else:
        value = run.read_by(read_at(model, recipe, recipe.receiver or Head(0, 0)))
    draw = Draw(runs.base(ids, own, freeze), value, runs.base(other).logits)
    first_change = 0 if own else ends.first_change
    return Start(
        ends.patched.answer_ids, ends.patched.incorrect_ids, lambda _: draw, first_change=first_change,
        layers=room.layers if recipe.source is not None else None,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Pair:
    """One prompt's run under the interventions in force, `base`, and the other prompt's plain one, `there`."""

    model: LoadedModel
    runs: Runs
    ids: Ids
    own: Row
    freeze: Freeze
    base: Values
    there: Values

    def change(self, head: Head) -> Float[Tensor, "pos d_model"]:
        """What the head would write more."""
        return written(self.model, head, self.there) - written(self.model, head, self.base)

    def read_from(self, source: Head) -> Values:
        """What all later heads read where the source writes so."""
        _check_sum(self.model, source, self.there)
        delta = self.change(source)
        streams = (Site("resid_pre", layer) for layer in range(source.layer + 1, self.model.facts.n_layers))
        shifted = tuple(Held(site, self.base(site) + delta) for site in streams)
        return self.runs.values(self.ids, (*self.own, *shifted), self.freeze)

    def read_by(self, reads: Site) -> Values:
        """What one head reads where the head of the site asked for writes so; all heads of it are that one."""
        read = self.runs.reads(self.ids, self.own, self.freeze)
        stream, (receiver,) = self.base(Site("resid_pre", reads.layer)), reads.heads or (0,)
        check = functools.cache(lambda layer: _check_sum(self.model, Head(layer, 0), self.there))

        @functools.cache
        def value(site: Site) -> Tensor:
            (head,) = site.heads or (0,)
            check(site.layer)
            found = read(Site(reads.activation, reads.layer), stream + self.change(Head(site.layer, head)))
            return found[:, receiver : receiver + 1].clone().expand_as(found)

        return value


def written(model: LoadedModel, head: Head, values: Values) -> Float[Tensor, "pos d_model"]:
    """`z W_O` of one head."""
    return values(Site("z", head.layer))[:, head.head].float() @ _W_O(model, head.layer)[head.head]


def _W_O(model: LoadedModel, layer: int) -> Float[Tensor, "head d_head d_model"]:
    return model.bridge.blocks[layer].attn.W_O.float()


def check_writes(model: LoadedModel, recipe: PathPatching) -> None:
    """Refuse layers with a norm after their attention: what one head writes then depends on the others."""
    writers = (recipe.source,) if recipe.source else [Head(layer, 0) for layer in _writing(model, recipe)]
    for head in writers:
        if f"blocks.{head.layer}.ln1_post.hook_scale" in model.bridge.hook_dict:
            raise _not_additive(model, head)


def _writing(model: LoadedModel, recipe: PathPatching) -> Sequence[int]:
    """Layers whose heads the receiver is tried on."""
    return recipe.tried(model.facts.n_layers).layers or ()


def _check_sum(model: LoadedModel, source: Head, values: Values) -> None:
    """Refuse a layer that does not add `sum_h z_h W_O_h` and the same bias at every position, MLP apart."""
    z, before, after = (values(Site(name, source.layer)).float() for name in ("z", "resid_pre", "resid_post"))
    added = after - before
    if model.facts.d_mlp is not None:
        added = added - values(Site("mlp_out", source.layer)).float()
    W_O = _W_O(model, source.layer)
    rest = added - torch.einsum("phd,hdm->pm", z, W_O)
    rounding = torch.finfo(model.bridge.blocks[source.layer].attn.W_O.dtype).eps * after.norm()
    if (rest - rest.mean(0)).norm() > ADDITIVE * added.norm() + rounding:
        raise _not_additive(model, source)


def _not_additive(model: LoadedModel, source: Head) -> BadRecipe:
    return BadRecipe(
        f"{model.facts.title} norms or scales what the heads of layer {source.layer} write before it is added, so "
        f"{source} has no direct path of its own; patch its z instead (activation_patching)."
    )
