"""A run is one forward pass of the bridge: the oracle is TransformerLens with hooks written by hand."""

from collections import OrderedDict
from dataclasses import replace

import pytest
import torch

from app.compute.memo import forget_oldest
from app.compute.prediction import prediction
from app.compute.references import means
from app.compute.runs import capture, everywhere, forward, run, run_ahead
from app.domain.errors import BadPrompt, BadSite
from app.domain.interventions import Ablate, Patch
from app.domain.recipes import Prediction
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import TOLERANCE, ask, cache, each_model, ids, tokens

PLAIN = ("resid_pre", "resid_post", "attn_out", "mlp_out", "z", "q", "k", "v", "pattern", "mlp_pre", "mlp_post")


def zeroing(*index):
    """A hand-written hook that clones and zeroes at an index."""

    def hook(activation, hook):
        activation = activation.clone()
        activation[index] = 0
        return activation

    return hook


def taking(other):
    """A hand-written hook that replaces everything."""
    return lambda activation, hook: other.clone()


def hooked(model, *hooks):
    with torch.no_grad():
        return model.bridge.run_with_hooks(tokens(model), fwd_hooks=list(hooks))[0, -1]


@each_model
def test_a_plain_run_is_what_transformer_lens_caches(architecture, processing):
    model = tiny(architecture, processing)
    logits, cached = cache(model)
    found = run(model, ids(model))
    names = ("resid_pre", "attn_out", "mlp_out") + (("resid_mid",) if found.resid_mid is not None else ())
    for layer in range(model.facts.n_layers):
        for name in names:
            torch.testing.assert_close(getattr(found, name)[layer], cached[f"blocks.{layer}.hook_{name}"][0, -1])
        torch.testing.assert_close(found.z[layer], cached[f"blocks.{layer}.attn.hook_z"][0, -1])
        torch.testing.assert_close(found.resid_post[layer], cached[f"blocks.{layer}.hook_resid_post"][0])
    torch.testing.assert_close(found.final_scale, cached["ln_final.hook_scale"][0, -1])
    torch.testing.assert_close(found.logits, logits[0, -1])


@each_model
def test_only_architectures_with_sequential_blocks_have_a_middle_and_only_gpt2_learned_positions(
    architecture, processing
):
    found = run(tiny(architecture, processing), (0, 3, 4))
    assert (found.resid_mid is None) == (architecture == "neox")
    assert (found.pos_embed is None) == (architecture != "gpt2")
    assert (found.attn_post_norm_scale is None) == (architecture != "gemma")


@pytest.mark.parametrize("activation", PLAIN)
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_zero_ablation_of_a_whole_site_equals_a_hand_written_hook(architecture, activation):
    model = tiny(architecture)
    site = Site(activation, 1)
    expected = hooked(model, (site.hook_name, zeroing(...)))
    torch.testing.assert_close(forward(model, ids(model), (), (Ablate(site),)), expected)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_ablation_of_some_heads_at_some_positions_leaves_the_others_alone(architecture):
    model = tiny(architecture)
    expected = hooked(model, ("blocks.1.attn.hook_z", zeroing(0, [[2], [5]], [1, 3])))
    found = forward(model, ids(model), (), (Ablate(Site("z", 1, (1, 3), (2, 5))),))
    torch.testing.assert_close(found, expected)


def test_positions_of_a_pattern_are_its_rows():
    model = tiny("gpt2")
    expected = hooked(model, ("blocks.1.attn.hook_pattern", zeroing(0, [1], [4, 7])))
    found = forward(model, ids(model), (), (Ablate(Site("pattern", 1, (1,), (4, 7))),))
    torch.testing.assert_close(found, expected)


def test_key_and_value_heads_are_counted_as_the_model_has_them():
    model = tiny("llama")
    expected = hooked(model, ("blocks.1.attn.hook_v", zeroing(0, slice(None), 1)))
    torch.testing.assert_close(forward(model, ids(model), (), (Ablate(Site("v", 1, (1,))),)), expected)
    with pytest.raises(BadSite, match="has 2 key-value heads"):
        forward(model, ids(model), (), (Ablate(Site("k", 1, (2,))),))


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_mean_ablation_puts_the_mean_of_the_reference_in_place_of_z(architecture):
    model = tiny(architecture)
    mean = means(model, "z", "background", None)[2]

    def replace_head_0(z, hook):
        z = z.clone()
        z[0, :, 0] = mean[0]
        return z

    expected = hooked(model, ("blocks.2.attn.hook_z", replace_head_0))
    torch.testing.assert_close(forward(model, ids(model), (), (Ablate(Site("z", 2, (0,)), "mean"),)), expected)


@pytest.mark.parametrize("activation", PLAIN)
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_a_patch_takes_the_site_from_the_corrupted_run(architecture, activation):
    model = tiny(architecture)
    site = Site(activation, 1)
    _, corrupted = cache(model, words.CORRUPTED)
    expected = hooked(model, (site.hook_name, taking(corrupted[site.hook_name])))
    found = forward(model, ids(model), (), (Patch(site),), ids(model, words.CORRUPTED))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma"])
def test_zeroing_resid_mid_changes_the_skip_connection_and_not_only_the_norm_after_it(architecture):
    model = tiny(architecture)
    names = [Site(name, 1).hook_name for name in ("resid_mid", "mlp_out", "resid_post")]
    _, kept = capture(model, ids(model), dict.fromkeys(names, everywhere), (Ablate(Site("resid_mid", 1)),))
    middle, mlp_out, after = (kept[name] for name in names)
    assert middle.abs().max() == 0
    torch.testing.assert_close(after, mlp_out)


def test_patching_resid_mid_everywhere_continues_the_corrupted_run():
    model = tiny("llama")
    expected = forward(model, ids(model, words.CORRUPTED))
    found = forward(model, ids(model), (), (Patch(Site("resid_mid", 2)),), ids(model, words.CORRUPTED))
    torch.testing.assert_close(found, expected)


def test_two_interventions_at_one_place_hold_in_their_order():
    model = tiny("gpt2")
    site = Site("attn_out", 1)
    last_zero = forward(model, ids(model), (), (Patch(site), Ablate(site)), ids(model, words.CORRUPTED))
    torch.testing.assert_close(last_zero, forward(model, ids(model), (), (Ablate(site),)))


def test_the_memo_returns_the_same_run_and_does_not_change_numbers():
    model = tiny("llama")
    first = run(model, ids(model), (Ablate(Site("z", 0, (1,))),))
    assert run(model, ids(model), (Ablate(Site("z", 0, (1,))),)) is first
    model.memo.clear()
    again = run(model, ids(model), (Ablate(Site("z", 0, (1,))),))
    assert again is not first
    assert torch.equal(again.logits, first.logits)


def test_the_memo_tells_interventions_and_corrupted_prompts_apart():
    model = tiny("llama")
    patch = (Patch(Site("resid_pre", 1)),)
    runs = [
        run(model, ids(model)),
        run(model, ids(model), patch, ids(model, words.CORRUPTED)),
        run(model, ids(model), patch, ids(model, "w1 w2 w3 w8 w2 w5 w6")),
    ]
    assert len({float(each.logits[3]) for each in runs}) == 3


def test_the_memo_tells_apart_how_reference_prompts_are_read():
    model = tiny("llama")
    facts = replace(model.facts, spec=replace(model.facts.spec, prepend_bos=not model.facts.spec.prepend_bos))
    mean = (Ablate(Site("z", 0), "mean", ("w1 w2 w3",)),)
    one, other = (run(each, (0, 3, 4, 5), mean) for each in (model, replace(model, facts=facts)))
    assert not torch.equal(one.logits, other.logits)


def test_the_memo_forgets_the_oldest_runs_but_never_the_newest_or_what_is_not_a_run():
    model = tiny("llama")
    runs = {("run", at): run(model, (0, at + 2)) for at in range(4)}
    memo = OrderedDict({"weights": "kept", **runs})
    forget_oldest(memo, 2 * runs["run", 0].nbytes)
    assert list(memo) == ["weights", ("run", 2), ("run", 3)]
    forget_oldest(memo, 1)
    assert list(memo) == ["weights", ("run", 3)]


AHEAD = ("w1 w2 w3 w4", "w4 w3 w2 w1", "w2 w2 w5", "w7 w1 w2 w3", "w3 w5 w1")


@pytest.mark.parametrize("activation", ["resid_mid", "z", "pattern", "mlp_post"])
@each_model
def test_runs_that_share_a_pass_are_those_of_each_alone(architecture, processing, activation):
    model, site = tiny(architecture, processing), Site(activation, 1)
    if activation == "resid_mid" and architecture == "neox":
        site = Site("resid_pre", 1)
    prompts = [ids(model, text) for text in AHEAD]
    asked = [(each, (Patch(site),), other) for each, other in zip(prompts[:2], prompts[1::-1], strict=True)]
    asked += [(each, (Ablate(site, "resample", seed=at),), None) for at, each in enumerate(prompts)]
    asked += [(each, (), None) for each in prompts]
    alone = [run(model, *each) for each in asked]
    model.memo.clear()
    sizes: list[int] = []
    counting = model.bridge.original_model.register_forward_pre_hook(
        lambda module, args, kwargs: sizes.append(len(args[0] if args else kwargs["input_ids"])), with_kwargs=True
    )
    run_ahead(model, asked)
    counting.remove()
    assert [size for size in sizes if size > 1] == [8, 4]  # 2 patched, 3 resampled, 3 plain; 2 resampled, 2 plain
    for each, expected in zip(asked, alone, strict=True):
        found = run(model, *each)
        for name in ("logits", "resid_post", "z", "attn_out", "final_scale", "linear_logits"):
            torch.testing.assert_close(getattr(found, name), getattr(expected, name))


@each_model
def test_nothing_stays_on_the_model_after_a_run_or_after_a_refusal(architecture, processing):
    model = tiny(architecture, processing)
    before = hooked(model)
    ask(prediction, Prediction, model, Ablate(Site("z", 0)), Patch(Site("resid_post", 1)))
    with pytest.raises(BadSite):
        forward(model, ids(model), (), (Ablate(Site("z", 0)), Ablate(Site("z", 99))))
    assert torch.equal(hooked(model), before)
    assert not any(point.fwd_hooks for point in model.bridge.hook_dict.values())


@pytest.mark.parametrize(
    ("architecture", "site", "says"),
    [
        ("gpt2", Site("z", 3), r"3 layers \(0 to 2\), so 3 does not exist"),
        ("gpt2", Site("z", 0, (4,)), r"4 heads \(0 to 3\)"),
        ("gpt2", Site("z", 0, None, (8,)), r"The prompt has 8 positions \(0 to 7\)"),
        ("neox", Site("resid_mid", 0), "has no resid_mid"),
        ("gpt2", Site("attn_scores", 0), "use pattern"),
    ],
)
def test_a_site_that_is_not_there_is_refused_by_naming_what_is(architecture, site, says):
    model = tiny(architecture)
    with pytest.raises(BadSite, match=says):
        forward(model, ids(model), (), (Ablate(site),))


def test_a_patch_without_a_corrupted_prompt_or_with_one_of_another_length_is_refused():
    model = tiny("gpt2")
    with pytest.raises(BadPrompt, match="there is none"):
        forward(model, ids(model), (), (Patch(Site("z", 0)),))
    with pytest.raises(BadPrompt, match="8 tokens and the corrupted one 3"):
        forward(model, ids(model), (), (Patch(Site("z", 0)),), (0, 1, 2))


@each_model
def test_patching_a_run_with_itself_changes_nothing(architecture, processing):
    model = tiny(architecture, processing)
    patches = tuple(Patch(Site(name, 1)) for name in ("resid_pre", "z", "attn_out", "mlp_out", "pattern"))
    patched = forward(model, ids(model), (), patches, ids(model))
    torch.testing.assert_close(patched, forward(model, ids(model)), atol=TOLERANCE, rtol=0)
