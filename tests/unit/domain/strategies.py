"""Hypothesis strategies for the frozen values; small, so that failures read easily."""

from hypothesis import strategies as st

from app.domain.interventions import Ablate, Patch
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import (
    AttentionPattern,
    CorrectnessMeters,
    DirectLogitAttribution,
    HeadAblation,
    LogitLens,
    Prediction,
    ResidualTrajectory,
)
from app.domain.session import Experiment, Session, Switched, Viewed
from app.domain.sites import Head, Site
from app.domain.views import Selection

small = st.integers(0, 3)
some = st.lists(small, min_size=1, max_size=3).map(tuple)
text = st.text(min_size=1, max_size=8).filter(str.strip)
heads = st.builds(Head, small, small)
head_sites = st.builds(Site, st.just("z"), small, st.none() | some, st.none() | some)
sites = head_sites | st.builds(
    Site, st.sampled_from(["resid_pre", "attn_out", "mlp_out"]), small, st.none(), st.none() | some
)
references = st.just("background") | st.lists(text, min_size=1, max_size=2).map(tuple)
interventions = (
    st.builds(Ablate, sites) | st.builds(Ablate, head_sites, st.just("mean"), references) | st.builds(Patch, sites)
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
answers = st.lists(text, max_size=2).map(tuple)
prompts = st.builds(PromptPair, text, st.none() | text, answers, answers)
runs = {
    "model": models,
    "prompts": st.lists(prompts, min_size=1, max_size=2).map(tuple),
    "interventions": st.lists(interventions, max_size=2).map(tuple),
}
recipes = st.one_of(
    *(st.builds(kind, **runs) for kind in (Prediction, DirectLogitAttribution, ResidualTrajectory, LogitLens)),
    st.builds(CorrectnessMeters, **runs),
    st.builds(AttentionPattern, layers=st.none() | some, **runs),
    st.builds(HeadAblation, method=st.sampled_from(["zero", "mean"]), reference=references, **runs),
)
selections = st.builds(Selection, st.lists(heads, max_size=3).map(tuple), st.none() | heads, st.none() | heads)
sessions = st.builds(
    Session,
    st.builds(
        Experiment, models, prompts, st.lists(st.builds(Switched, interventions, st.booleans()), max_size=2).map(tuple)
    ),
    selections,
    st.builds(Viewed, st.sampled_from(["look", "attention", "residual"])),
)
