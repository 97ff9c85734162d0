"""Hypothesis strategies for the frozen values; small, so that failures read easily."""

from typing import Any, get_args

from hypothesis import strategies as st

from app.domain import recipes as kinds
from app.domain.cells import Cells, SweptActivation
from app.domain.direction_card import DirectionCard
from app.domain.direction_interventions import Clamp, ClampFeature, ProjectOut, Steer, SwapAlong
from app.domain.direction_recipes import DirectionDistribution, DirectionProjection, DirectionReaders, DirectionWriters
from app.domain.directions import (
    MeanDifference,
    NamedDirection,
    Placebo,
    PrincipalComponent,
    Probe,
    RandomDirection,
    SaeFeature,
    SingularVector,
    TokenDirection,
    Vector,
)
from app.domain.experiment import Experiment, Switched
from app.domain.head_choices import CHOICES
from app.domain.head_recipes import BehaviourScores, CopyingScores, HeadProjection, HeadStatistics, HeadTokens
from app.domain.heads_asked import HeadAxis, HeadsAsked
from app.domain.interventions import Ablate, Frozen, GaussianNoise, KnockOutEdge, Patch
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.results import METRICS
from app.domain.samples import Sample, Stream
from app.domain.session import Session, Viewed
from app.domain.sites import HEAD_ACTIVATIONS, Activation, Head, Site
from app.domain.sweep_asked import MOST_BESIDE, SweepAsked, SweepMethod
from app.domain.views import Normalised, Selection, Show

small = st.integers(0, 3)
some = st.lists(small, min_size=1, max_size=3).map(tuple)
text = st.text(min_size=1, max_size=8).filter(str.strip)
heads = st.builds(Head, small, small)
neurons = st.builds(
    Site, st.sampled_from(["mlp_pre", "mlp_post"]), small, st.none(), st.none() | some, st.none() | some
)
head_sites = st.builds(Site, st.sampled_from(HEAD_ACTIVATIONS), small, st.none() | some, st.none() | some)
stream = [name for name in get_args(Activation) if name not in HEAD_ACTIVATIONS]
sites = head_sites | neurons | st.builds(Site, st.sampled_from(stream), small, st.none(), st.none() | some)
references = st.sampled_from(["background", "prompts", "corrupted"]) | st.lists(text, min_size=1, max_size=2).map(tuple)
frozen = st.lists(st.sampled_from(get_args(Frozen)), unique=True).map(tuple)
everywhere: dict[str, Any] = {"freeze": frozen, "prompts": st.none() | some}
drawn: dict[str, Any] = {"seed": small, "draw": small}
poolable = sites.filter(lambda site: site.activation != "pattern")
edges = st.lists(st.tuples(small, small).map(lambda pair: (max(pair), min(pair))), min_size=1, max_size=3).map(tuple)

streams = st.sampled_from(get_args(Stream))
samples = st.lists(st.builds(Sample, text, st.none() | st.integers(-3, 3)), min_size=4, max_size=5).map(tuple)
made = (
    st.builds(TokenDirection, st.just((" a",)), st.sampled_from([(), (" b",)]), st.sampled_from(["W_U", "W_E"]))
    | st.builds(MeanDifference, streams, small, samples, samples)
    | st.builds(PrincipalComponent, streams, small, samples, st.integers(0, 2))
    | st.builds(Probe, streams, small, samples, samples, seed=small)
    | st.builds(SingularVector, heads, small, st.sampled_from(["write", "read"]))
    | st.builds(SaeFeature, text, small, text, st.none() | small, streams)
    | st.builds(Vector, st.just(Vector.of((1.0, -2.0)).values), text, st.none() | small)
    | st.builds(RandomDirection, small)
)
vectors = made | st.builds(Placebo, made, small)


@st.composite
def moved_patches(draw: Any) -> Patch:
    """Patches from other positions than their own."""
    pairs = draw(st.lists(st.tuples(small, small), min_size=1, max_size=3))
    here, there = (tuple(pair[end] for pair in pairs) for end in (0, 1))
    return Patch(Site("z", draw(small), None, here), draw(st.none() | text), there)


noises = st.builds(GaussianNoise, some, st.floats(0, 10), **drawn, **everywhere)
placed = st.builds(Site, streams, small, st.none(), st.none() | some)
finite = st.floats(-10, 10)
along = (
    st.builds(Steer, placed, vectors, finite, st.sampled_from(["absolute", "norm"]), **everywhere)
    | st.builds(Clamp, placed, vectors, finite, **everywhere)
    | st.builds(ProjectOut, placed, vectors, st.sampled_from(["zero", "mean"]), references, st.booleans(), finite)
    | st.builds(ClampFeature, placed, st.builds(SaeFeature, text, small, text), finite, **everywhere)
    | st.builds(SwapAlong, placed, st.lists(vectors, min_size=1, max_size=2).map(tuple), st.none() | text, **everywhere)
)
interventions = (
    st.builds(Ablate, sites, st.sampled_from(["zero", "resample"]), references, **drawn, **everywhere)
    | st.builds(Ablate, poolable, st.just("mean"), references, st.booleans(), **drawn, **everywhere)
    | st.builds(Ablate, sites, st.just("mean"), references, st.just(False), **everywhere)
    | st.builds(Patch, sites, st.none() | text, **everywhere)
    | moved_patches()
    | along
    | st.builds(KnockOutEdge, small, edges, st.none() | some, st.floats(0, 1), st.booleans(), **everywhere)
    | noises
)
models = st.builds(
    ModelSpec,
    st.sampled_from(["listed", "bundled", "huggingface", "folder", "gguf"]),
    text,
    st.none() | text,
    st.sampled_from(["compatibility", "raw"]),
    st.sampled_from(["float32", "bfloat16"]),
    st.booleans(),
)
answers = st.lists(text, max_size=2, unique=True).map(tuple)
labels = st.sampled_from([(), (("topic", "sport"),), (("level", "2"), ("é x", "-"))])
prompts = st.builds(PromptPair, text, st.none() | text, answers, answers, labels)
pairs = st.builds(PromptPair, text, text, answers, answers)
cells = (
    st.builds(
        Cells,
        st.sampled_from([name for name in get_args(SweptActivation) if name != "mlp_post"]),
        window=st.integers(1, 3),
    )
    | st.builds(Cells, st.sampled_from(["z", "k", "pattern"]), heads=st.none() | st.lists(heads, max_size=2).map(tuple))
    | st.builds(Cells, st.just("resid_pre"), st.just("position"), st.none() | some, positions=st.none() | some)
    | st.builds(Cells, st.just("pattern"), st.just("edge"), st.none() | some, positions=st.none() | some)
    | st.builds(Cells, st.just("mlp_post"), layers=some, neurons=st.none() | some)
)


def recipes_of(kind: type[Any], **fields: Any) -> st.SearchStrategy[Any]:
    """Recipes of one kind, of the clean prompts or of the corrupted ones where there are such."""
    shared = {"model": models, "interventions": st.lists(interventions, max_size=2).map(tuple)}
    return st.builds(
        kind, prompts=st.lists(prompts, min_size=1, max_size=2).map(tuple), **shared, **fields
    ) | st.builds(
        kind, prompts=st.lists(pairs, min_size=1, max_size=2).map(tuple), base=st.just("corrupted"), **shared, **fields
    )


ablating: dict[str, Any] = {
    "cells": cells, "method": st.sampled_from(["zero", "mean", "resample"]), "reference": references,
    "pooled": st.booleans(), "seed": small, "draws": small, "freeze": frozen,
}  # fmt: skip
points = st.lists(st.sampled_from(["resid_pre", "resid_mid", "resid_post"]), min_size=1, max_size=3).map(tuple)
directions = st.sampled_from(["denoising", "noising"])
recipes = st.one_of(
    *(recipes_of(kind) for kind in (kinds.Prediction, kinds.DirectLogitAttribution, kinds.CorrectnessMeters)),
    *(recipes_of(kind) for kind in (kinds.ResidualTrajectory, kinds.SelfRepair)),
    recipes_of(kinds.LogitLens, prompt=small, top_k=small, tokens=answers, positions=st.none() | some, points=points),
    recipes_of(kinds.LogitLens, lens=st.just("tuned"), folder=text, fingerprint=text),
    recipes_of(kinds.SaeFeatures, folder=text, fingerprint=text, feature=st.none() | small, contexts=small),
    recipes_of(kinds.Neurons, layer=small, neuron=st.none() | small, prompt=small),
    recipes_of(kinds.LogitDecomposition, scale=st.sampled_from(["own", "baseline"])),
    recipes_of(kinds.ComponentLens, prompt=small, position=st.none() | small, layer=st.none() | small, tokens=answers),
    *(recipes_of(kind, layers=st.none() | some) for kind in (kinds.AttentionPattern, kinds.AttentionWeights)),
    recipes_of(kinds.Ablation, **ablating),
    recipes_of(
        kinds.ActivationPatching, cells=cells, direction=directions, noise=st.none() | noises, draws=small,
        freeze=frozen,
    ),
    recipes_of(
        kinds.AttributionPatching, cells=cells, direction=directions, softmax_correction=st.booleans(),
        grad_drop=st.booleans(), ig_steps=st.integers(1, 3), top=small, bottom=small, sample=small, seed=small,
        freeze=frozen,
    ),
    recipes_of(
        kinds.PathPatching, source=st.builds(Head, st.just(0), small), component=st.sampled_from(["q", "k", "v"]),
        direction=directions, layers=st.none() | st.just((1, 3)), heads=st.none() | st.just((Head(2, 1),)),
    ),
    recipes_of(
        kinds.PathPatching, receiver=st.builds(Head, st.just(4), small), component=st.sampled_from(["q", "k", "v"]),
        direction=directions, layers=st.none() | st.just((1, 3)), heads=st.none() | st.just((Head(2, 1),)),
    ),
    recipes_of(HeadStatistics),
    st.builds(CopyingScores, model=models),
    recipes_of(DirectionProjection, direction=vectors, activation=streams, normalised=st.booleans()),
    st.builds(DirectionDistribution, model=models, prompts=st.lists(prompts, min_size=1, max_size=2).map(tuple),
              direction=vectors, activation=streams, position=st.none() | small),
    recipes_of(DirectionWriters, direction=vectors, layer=st.none() | small, position=st.none() | small, neurons=small),
    st.builds(DirectionReaders, model=models, direction=vectors, draws=st.integers(2, 9), seed=small),
    st.builds(
        DirectionCard, model=models, direction=vectors, top_k=small,
        others=st.lists(st.builds(NamedDirection, text, vectors), max_size=1).map(tuple),
    ),
    recipes_of(HeadTokens, position=st.none() | small, top_k=small),
    recipes_of(HeadProjection, tokens=st.just((" Mary",)), minus=answers, position=st.none() | small),
    st.builds(BehaviourScores, model=models, length=st.none() | small, definition=st.sampled_from(["repeats", "demo"])),
    st.builds(HeadStatistics, model=models, corpus=st.just(True)),
    recipes_of(kinds.HeadReading, head=heads, prompt=small, query=st.none() | small, top_k=small),
    recipes_of(kinds.Generation, prompt=small, max_new_tokens=small, temperature=st.floats(0, 2), seed=small),
)  # fmt: skip
selections = st.builds(Selection, st.lists(heads, max_size=3).map(tuple), st.none() | heads, st.none() | heads)
experiments = st.builds(
    Experiment,
    models,
    prompts,
    st.lists(st.builds(Switched, interventions, st.booleans()), max_size=2).map(tuple),
    st.lists(prompts, max_size=2).map(tuple),
    st.sampled_from(["clean", "corrupted"]),
)
methods = st.lists(st.sampled_from(get_args(SweepMethod)), min_size=1, max_size=1 + MOST_BESIDE, unique=True)


def _sweep(shown: list[SweepMethod], **fields: Any) -> SweepAsked:
    return SweepAsked(method=shown[0], against=tuple(shown[1:]), **fields)


sweeps = st.builds(
    _sweep,
    methods,
    cells=cells,
    direction=directions,
    reference=st.sampled_from(["background", "prompts", "corrupted"]),
    pooled=st.booleans(),
    draws=small,
    seed=small,
    noise=st.none() | noises,
    freeze=frozen,
    against_as=st.sampled_from(["map", "scatter"]),
    one_scale=st.booleans(),
    metric=st.sampled_from(METRICS),
    normalised=st.sampled_from(get_args(Normalised)),
    significant=st.booleans(),
    restricted=st.booleans(),
    ig_steps=st.integers(1, 3),
)
choices = st.sampled_from(list(CHOICES))
axes_asked = st.builds(HeadAxis, choices, st.none() | st.sampled_from(get_args(Show)))
heads_asked = st.builds(HeadsAsked, choices, st.none() | choices, st.booleans(), axes_asked, axes_asked)
sessions = st.builds(
    Session,
    experiments,
    selections,
    st.builds(Viewed, st.sampled_from(["look", "attention", "residual", "patch"])),
    sweeps,
    heads_asked,
)
