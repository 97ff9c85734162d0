"""A change that TransformerLens would pass by is refused, on the architectures where that happens."""

import functools

import pytest
import torch

from app.compute.attention_pattern import attention_pattern
from app.compute.bridge_rows import bridge_base
from app.compute.bridge_values import bridge_values
from app.compute.hooks import row_hooks
from app.compute.passes import passed
from app.compute.runs import forward
from app.compute.variations import Held
from app.domain.errors import BadSite
from app.domain.interventions import Ablate, KnockOutEdge, Patch
from app.domain.models import ModelSpec
from app.domain.recipes import AttentionPattern
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from tests import tiny as words
from tests.loaded import loaded, tiny
from tests.unit.compute.asking import ask, each_model, ids

SMALL = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
OTHERS = {
    "gptj": ("gptj", {**SMALL, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4}),
    "bloom": ("bloom", {**SMALL, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "opt": (
        "opt",
        {
            **SMALL, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 128,
            "max_position_embeddings": 64, "word_embed_proj_dim": 32,
        },
    ),
}  # fmt: skip
ACTIVATIONS = ("resid_pre", "resid_post", "attn_out", "mlp_out", "q", "k", "v", "z", "pattern", "mlp_pre", "mlp_post")


@functools.cache
def other(architecture: str) -> LoadedModel:
    words.CONFIGS[architecture] = OTHERS[architecture]
    try:
        return loaded(words.build(architecture), ModelSpec("live", architecture))
    finally:
        del words.CONFIGS[architecture]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@each_model
def test_every_activation_of_the_tested_architectures_can_be_changed(architecture, processing, activation):
    model = tiny(architecture, processing)
    change = Ablate(Site(activation, 1))
    assert not torch.equal(forward(model, ids(model), (), (change,)), forward(model, ids(model)))


@pytest.mark.parametrize(
    "change",
    [
        Ablate(Site("pattern", 0)),
        Patch(Site("pattern", 0), words.CORRUPTED),
        KnockOutEdge(0, ((5, 2),)),
        Ablate(Site("z", 0), freeze=("pattern",)),
    ],
)
def test_an_attention_pattern_that_is_not_listened_to_is_refused(change):
    model = other("gptj")
    with pytest.raises(BadSite, match="goes on without what is written into its pattern"):
        forward(model, ids(model), (), (change,))


def test_an_attention_pattern_that_is_not_shown_is_refused_and_not_drawn():
    model = other("opt")
    for refused in (
        lambda: forward(model, ids(model), (), (KnockOutEdge(1, ((5, 2),)),)),
        lambda: bridge_values(model, ids(model))(Site("pattern", 1)),
        lambda: ask(attention_pattern, AttentionPattern, model),
    ):
        with pytest.raises(BadSite, match="does not show pattern of layer"):
            refused()


def test_rows_of_a_sweep_are_refused_where_they_would_change_nothing():
    model = other("gptj")
    base = bridge_base(model, ids(model), reason="asked for")
    with pytest.raises(BadSite, match="cannot be changed"):
        base.run([(Held(Site("pattern", 1), torch.zeros(4, 8, 8)),)])


@pytest.mark.parametrize("architecture", OTHERS)
def test_rows_are_exact_on_architectures_whose_blocks_are_called_otherwise(architecture):
    """Bloom's blocks cannot be driven with another batch size: they get whole passes."""
    model = other(architecture)
    base = bridge_base(model, ids(model), reason="asked for")
    names = ("resid_pre", "z", "mlp_out")
    rows = [(Held(Site(name, layer, positions=(2,)), torch.zeros_like),) for layer in (0, 1) for name in names]
    expected = torch.stack([passed(model, ids(model), row_hooks(row)) for row in rows])
    torch.testing.assert_close(base.run(rows), expected, atol=1e-5, rtol=0)  # float32, other batch sizes
    assert bool(base.entries) == (architecture != "bloom")


@pytest.mark.parametrize("architecture", OTHERS)
def test_scales_can_be_frozen_there_too(architecture):
    model = other(architecture)
    change = Site("resid_pre", 1, positions=(3,))
    free, held = (forward(model, ids(model), (), (Ablate(change, freeze=what),)) for what in ((), ("scale",)))
    assert not torch.allclose(free, held, atol=1e-4)
