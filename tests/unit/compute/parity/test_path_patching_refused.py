"""Where paths have no meaning, they are refused, as TransformerLens refuses them."""

import pytest

from app.checks import check
from app.domain.errors import BadRecipe
from app.domain.models import ModelSpec
from app.domain.recipes import PathPatching
from app.domain.sites import Head
from tests.loaded import loaded
from tests.unit.compute.parity.sets import SHORT, batch
from tests.unit.compute.parity.test_path_patching import paths, theirs
from tests.unit.compute.test_replay import FURTHER, random_bridge


def test_a_norm_after_the_attention_is_refused_as_transformer_lens_refuses_it():
    asked = batch("gemma", "5 tokens")
    recipe = PathPatching(model=asked.model.facts.spec, prompts=SHORT, source=Head(0, 1))
    for refuse in (
        lambda: check(asked.model, recipe, 64),
        lambda: paths(asked.model, prompts=SHORT, source=Head(0, 1)),
        lambda: paths(asked.model, prompts=SHORT, receiver=Head(1, 1)),
    ):
        with pytest.raises(BadRecipe, match=r"norms or scales .* patch its z instead"):
            refuse()
    with pytest.raises(ValueError, match="normalized or scaled"):
        theirs(asked, Head(0, 1), "q")


def test_keys_and_values_that_heads_share_are_refused_as_transformer_lens_refuses_them():
    asked = batch("llama", "5 tokens")
    for component in ("k", "v"):
        with pytest.raises(BadRecipe, match="use component q"):
            paths(asked.model, prompts=SHORT, source=Head(0, 1), component=component)
        with pytest.raises(ValueError, match='component="q" is available'):
            theirs(asked, Head(0, 1), component)


def test_heads_whose_output_is_scaled_before_it_is_added_are_refused():
    """Granite, which no norm gives away: what a layer adds is not the sum of what its heads write."""
    options = {**FURTHER["qwen3"], "residual_multiplier": 0.5}
    bridge = random_bridge("granite", **options)
    model = loaded(bridge, ModelSpec("live", "tiny-granite", processing="raw"))
    with pytest.raises(BadRecipe, match="norms or scales"):
        paths(model, source=Head(0, 1))
