"""Loaded models for tests, built once per session: tiny random ones, the shipped ground truth, the real default."""

import functools
from typing import Any

import pytest

from app.domain.errors import ModelError
from app.domain.models import ModelSpec, Processing
from app.models.bundled import packaged_file
from app.models.catalogue import GROUND_TRUTH, SMOLLM2
from app.models.facts import facts_of
from app.models.load import load
from app.models.loaded import LoadedModel
from app.models.tokens import document_separator
from tests import tiny as tiny_bridges

BACKGROUND = (
    "w3 w14 w15 w9 w26 w5 w35 w8 w9 w7",
    "w2 w7 w18 w28 w18 w28 w45 w9 w4 w5 w2",
    "w1 w41 w42 w13 w5 w6 w2 w3 w7",
    "w11 w7 w11 w20 w21 w20 w33 w40",
)


@functools.cache
def tiny(architecture: str, processing: Processing = "compatibility", prepend_bos: bool = True) -> LoadedModel:
    """A tiny random model (tests/tiny.py); one word is one token, and `<|endoftext|>` is its separator."""
    spec = ModelSpec("live", f"tiny-{architecture}", processing=processing, prepend_bos=prepend_bos)
    return loaded(tiny_bridges.bridge(architecture, processing), spec)


def loaded(bridge: Any, spec: ModelSpec) -> LoadedModel:
    """A bridge of this test session as a loaded model."""
    tokenizer = tiny_bridges.tokenizer()
    facts = facts_of(bridge, spec, title=spec.name, weights=spec.name, revision="random", bos_token=tokenizer.bos_token)
    return LoadedModel(bridge, tokenizer, facts, document_separator(tokenizer), BACKGROUND)


@functools.cache
def ground_truth(processing: Processing = "compatibility") -> LoadedModel:
    """The shipped 2-layer attention-only model: loads in a tenth of a second."""
    return load(ModelSpec("listed", GROUND_TRUTH, processing=processing), device="cpu")


@functools.cache
def smollm2(processing: Processing = "compatibility") -> LoadedModel:
    """The real default model, from this machine's cache; converted there first where it is missing."""
    try:
        packaged_file()
    except ModelError as error:
        pytest.skip(str(error))
    return load(ModelSpec("listed", SMOLLM2, processing=processing), device="cpu")
