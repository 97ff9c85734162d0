"""Every kind of intervention against hooks written by hand, and the identities that hold between interventions."""

import numpy as np
import pytest
import torch

from app.compute.held import check_rows, embeddings
from app.compute.passes import everywhere
from app.compute.runs import capture, forward, run
from app.domain.errors import BadPrompt, BadSite
from app.domain.interventions import Ablate, GaussianNoise, KnockOutEdge, Patch
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import BACKGROUND, ground_truth, tiny
from tests.unit.compute.asking import TOLERANCE, cache, each_model, ids, tokens

OTHER = "w8 w7 w6 w5 w4 w3 w2"  # as long as the clean prompt, another word everywhere
LONGER = "w21 w22 w23 w24 w25 w26 w27 w28 w29 w30"
CLOSE = {"atol": 1e-5, "rtol": 0}  # float32; the oracle computes the logits of all positions, in other batches
ACTIVATIONS = ("resid_pre", "resid_post", "attn_out", "mlp_out", "q", "k", "v", "z", "mlp_post")


def hooked(model, *hooks, text=words.CLEAN):
    with torch.no_grad():
        return model.bridge.run_with_hooks(tokens(model, text), fwd_hooks=list(hooks))[0, -1]


def setting(index, value):
    """A hand-written hook that clones and writes."""

    def hook(activation, hook):
        activation = activation.clone()
        activation[index] = value
        return activation

    return hook


@pytest.mark.parametrize("activation", ACTIVATIONS)
@each_model
def test_a_pooled_mean_is_that_of_every_position_of_every_reference_text(architecture, processing, activation):
    model, site = tiny(architecture, processing), Site(activation, 1, positions=(2, 6))
    rows = [cache(model, text)[1][site.hook_name][0, 1:] for text in BACKGROUND]  # without the separator
    mean = torch.cat(rows).mean(0)
    expected = hooked(model, (site.hook_name, setting((0, [2, 6]), mean)))
    torch.testing.assert_close(forward(model, ids(model), (), (Ablate(site, "mean"),)), expected, **CLOSE)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "pattern"])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_a_mean_per_position_is_over_references_of_the_same_length(architecture, activation):
    model, site = tiny(architecture), Site(activation, 2)
    cut = [tokens(model, text)[:, :8] for text in (LONGER, BACKGROUND[0])]
    found = [model.bridge.run_with_cache(each)[1][site.hook_name][0] for each in cut]
    expected = hooked(model, (site.hook_name, lambda activation, hook: torch.stack(found).mean(0)[None]))
    mean = Ablate(site, "mean", (LONGER, BACKGROUND[0]), pooled=False)
    torch.testing.assert_close(forward(model, ids(model), (), (mean,)), expected, **CLOSE)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "pattern"])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_resampling_takes_another_reference_text_cut_to_length(architecture, activation):
    model, site = tiny(architecture), Site(activation, 1)
    _, other = model.bridge.run_with_cache(tokens(model, LONGER)[:, :8])
    expected = hooked(model, (site.hook_name, lambda activation, hook: other[site.hook_name].clone()))
    resampled = Ablate(site, "resample", (words.CLEAN, "w1 w2", LONGER))  # its own text and a shorter one are left out
    torch.testing.assert_close(forward(model, ids(model), (), (resampled,)), expected, **CLOSE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_neurons_are_ablated_one_by_one(architecture):
    model, site = tiny(architecture), Site("mlp_post", 1, positions=(3, 7), neurons=(5, 40))
    expected = hooked(model, (site.hook_name, setting((0, [[3], [7]], [5, 40]), 0.0)))
    torch.testing.assert_close(forward(model, ids(model), (), (Ablate(site),)), expected, **CLOSE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_a_patch_takes_from_any_text_and_from_other_positions(architecture, activation):
    model, site = tiny(architecture), Site(activation, 1, positions=(2, 6))
    _, source = cache(model, LONGER)
    expected = hooked(model, (site.hook_name, setting((0, [2, 6]), source[site.hook_name][0, [9, 4]])))
    patch = Patch(site, LONGER, source_positions=(9, 4))
    torch.testing.assert_close(forward(model, ids(model), (), (patch,)), expected, **CLOSE)


def test_rows_of_a_pattern_are_patched_from_a_text_of_another_length():
    model, site = tiny("gemma"), Site("pattern", 1, (1, 2), (4, 5))
    source = cache(model, LONGER)[1][site.hook_name][0, :, :8, :8]
    expected = hooked(model, (site.hook_name, setting((0, [[1], [2]], [4, 5]), source[[1, 2]][:, [4, 5]])))
    torch.testing.assert_close(forward(model, ids(model), (), (Patch(site, LONGER),)), expected, **CLOSE)


@pytest.mark.parametrize(("value", "heads"), [(0.0, (1, 3)), (0.5, None)])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_an_edge_is_set_and_the_rest_of_its_row_stays(architecture, value, heads):
    model, edges = tiny(architecture), ((5, 2), (7, 2), (7, 0))
    at = (0, [[head] for head in heads or range(4)], [5, 7, 7], [2, 2, 0])
    expected = hooked(model, ("blocks.1.attn.hook_pattern", setting(at, value)))
    found = forward(model, ids(model), (), (KnockOutEdge(1, edges, heads, value),))
    torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize("value", [0.0, 0.25])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_a_renormalised_row_sums_to_one_in_its_old_proportions(architecture, value):
    model, name = tiny(architecture), "blocks.1.attn.hook_pattern"
    edge = KnockOutEdge(1, ((7, 2), (7, 4)), (3,), value, renormalise=True)
    old = cache(model)[1][name][0]
    _, kept = capture(model, ids(model), {name: everywhere}, (edge,))
    row, rest = kept[name][3, 7], [0, 1, 3, 5, 6, 7]
    torch.testing.assert_close(row[[2, 4]], torch.full((2,), value), atol=0, rtol=0)
    torch.testing.assert_close(row[rest], old[3, 7, rest] / old[3, 7, rest].sum() * (1 - 2 * value), **CLOSE)
    untouched = torch.ones(4, 8, 8, dtype=torch.bool)
    untouched[3, 7] = False
    assert torch.equal(kept[name][untouched], old[untouched])


def test_the_only_edge_of_the_first_position_leaves_an_empty_row_and_no_nan():
    model, name = tiny("llama"), "blocks.0.attn.hook_pattern"
    _, kept = capture(model, ids(model), {name: everywhere}, (KnockOutEdge(0, ((0, 0),), renormalise=True),))
    assert kept[name][:, 0].abs().sum() == 0


@each_model
def test_noise_is_romes_added_to_the_embeddings_of_the_chosen_tokens(architecture, processing):
    model = tiny(architecture, processing)
    embedded = model.bridge.embed(tokens(model))[0, [3, 4]]  # includes Gemma's factor
    random = np.random.RandomState(7)
    blocks = [random.randn(2, 32) for _ in range(3)]
    noise = torch.from_numpy(blocks[2] * 3 * embedded.double().numpy().std()).float()
    name = "blocks.0.hook_resid_pre"
    _, cached = cache(model)
    expected = hooked(model, (name, setting((0, [3, 4]), cached[name][0, [3, 4]] + noise)))
    found = forward(model, ids(model), (), (GaussianNoise((3, 4), seed=7, draw=2),))
    torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_embeddings_leave_learned_positions_out(architecture):
    model = tiny(architecture)
    torch.testing.assert_close(embeddings(model, ids(model)), model.bridge.embed(tokens(model))[0], **CLOSE)


@each_model
def test_no_noise_is_the_clean_run_and_restoring_all_positions_at_layer_0_gives_it_back(architecture, processing):
    model, own = tiny(architecture, processing), ids(tiny(architecture, processing))
    clean = forward(model, own)
    assert torch.equal(forward(model, own, (), (GaussianNoise((2, 3), scale=0.0),)), clean)
    restored = (GaussianNoise((2, 3)), Patch(Site("resid_pre", 0), words.CLEAN))
    assert torch.equal(forward(model, own, (), restored), clean)
    assert not torch.allclose(forward(model, own, (), restored[:1]), clean, atol=0.01)


@each_model
def test_patching_all_that_differs_into_layer_0_is_the_other_run_and_before_it_nothing(architecture, processing):
    model, own, other = (
        tiny(architecture, processing),
        *(ids(tiny(architecture), t) for t in (words.CLEAN, words.CORRUPTED)),
    )
    everything = forward(model, own, (), (Patch(Site("resid_pre", 0, positions=(4,))),), other)
    torch.testing.assert_close(everything, forward(model, other), atol=0, rtol=0)
    left = tuple(Patch(Site(name, 1, positions=(0, 1, 2, 3))) for name in ("resid_pre", "z", "mlp_out"))
    torch.testing.assert_close(forward(model, own, (), left, other), forward(model, own), **CLOSE)


@each_model
def test_q_k_and_v_together_or_pattern_and_v_together_are_z(architecture, processing):
    model, other = tiny(architecture, processing), ids(tiny(architecture), OTHER)
    by_z, by_qkv, by_pattern = (
        forward(model, ids(model), (), tuple(Patch(Site(name, 1)) for name in names), other)
        for names in (("z",), ("q", "k", "v"), ("pattern", "v"))
    )
    torch.testing.assert_close(by_qkv, by_z, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(by_pattern, by_z, atol=TOLERANCE, rtol=0)


@each_model
def test_all_heads_and_the_mlp_of_a_layer_are_what_the_layer_adds(architecture, processing):
    model, own, other = tiny(architecture, processing), ids(tiny(architecture)), ids(tiny(architecture), OTHER)
    _, mine = cache(model)
    _, theirs = cache(model, OTHER)
    before, after = (Site(name, 1).hook_name for name in ("resid_pre", "resid_post"))
    swapped = mine[before] + theirs[after] - theirs[before]
    expected = hooked(model, (after, lambda activation, hook: swapped))
    found = forward(model, own, (), (Patch(Site("z", 1)), Patch(Site("mlp_out", 1))), other)
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)


@each_model
def test_the_last_residual_stream_at_the_end_is_the_whole_answer(architecture, processing):
    model, other = tiny(architecture, processing), ids(tiny(architecture), OTHER)
    end = Patch(Site("resid_post", 2, positions=(7,)))
    assert torch.equal(forward(model, ids(model), (), (end,), other), forward(model, other))


@pytest.mark.parametrize(("method", "same"), [("zero", False), ("mean", True), ("resample", True)])
def test_only_a_zero_knows_whether_value_biases_are_folded(method, same):
    found = [
        run(model, ids(model), (Ablate(Site("z", 1), method),)).log_probs
        for model in (tiny("gpt2", "compatibility"), tiny("gpt2", "raw"))
    ]
    assert torch.allclose(*found, atol=TOLERANCE) is same


def test_an_attention_only_model_takes_every_kind():
    model = ground_truth()
    own = tuple(range(3, 11))
    kinds = (
        GaussianNoise((2,)),
        KnockOutEdge(1, ((5, 2),), renormalise=True),
        Ablate(Site("z", 0), "mean", pooled=True),
    )
    assert torch.isfinite(forward(model, own, (), kinds)).all()


@pytest.mark.parametrize(
    ("intervention", "error", "says"),
    [
        (
            Ablate(Site("z", 1), "mean", ("w1 w2",), pooled=False),
            BadPrompt,
            "of 8 tokens or more, and 1",
        ),
        (Ablate(Site("z", 1), "resample", ("w1 w2", words.CLEAN)), BadPrompt, "nothing to resample from"),
        (Patch(Site("z", 1), "w1 w2"), BadPrompt, "The prompt has 8 tokens and 'w1 w2' has 3"),
        (Patch(Site("z", 1, positions=(7,)), "w1 w2"), BadSite, "The prompt patched from has 3 positions"),
        (Patch(Site("z", 1, positions=(1,)), "w1", source_positions=(2,)), BadSite, "patched from has 2 positions"),
        (KnockOutEdge(1, ((8, 2),)), BadSite, "The prompt has 8 positions"),
        (KnockOutEdge(1, ((5, 2), (5, 3)), value=0.6, renormalise=True), BadSite, "more than 1"),
        (GaussianNoise((8,)), BadSite, "The prompt has 8 positions"),
        (Patch(Site("z", 1)), BadPrompt, "there is none"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(intervention, error, says):
    model = tiny("gpt2")
    with pytest.raises(error, match=says):
        forward(model, ids(model), (), (intervention,))


def test_rows_are_checked_in_one_pass_over_the_edges():
    compared = []

    class Query(int):
        """A position that counts how often it is compared."""

        def __eq__(self, other):
            compared.append(self)
            return int(self) == int(other)

        __hash__ = int.__hash__

    edges = tuple((Query(dest), src) for dest in range(60) for src in range(dest + 1))
    check_rows(edges, 0.01)
    assert len(compared) <= 4 * len(edges)  # of every edge with every other it would be 3 million
    with pytest.raises(BadSite, match="more than 1"):
        check_rows(edges, 0.02)
