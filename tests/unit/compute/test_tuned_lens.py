"""Tuned lenses: untrained ones are the logit lens, trained ones nearer to the output; what does not fit is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from app.compute.logit_lens import logit_lens
from app.domain.errors import BadRecipe
from app.domain.lens_recipes import LogitLens
from app.models.tuned_lens import fingerprint, read_tuned_lens
from tests import lenses
from tests.loaded import tiny
from tests.unit.compute.asking import TOLERANCE, ask, cache


@pytest.fixture(scope="module")
def state():
    """Trained on the raw gpt2."""
    return lenses.trained(tiny("gpt2", "raw"))


def read(model, folder, **options):
    tuned = {"lens": "tuned", "folder": str(folder), "fingerprint": fingerprint(str(folder))}
    return ask(logit_lens, LogitLens, model, **tuned | options)


@pytest.mark.parametrize(
    ("architecture", "processing"), [("gpt2", "raw"), ("gemma", "raw"), ("llama", "compatibility")]
)
def test_translators_that_add_nothing_are_the_logit_lens(architecture, processing, tmp_path):
    model = tiny(architecture, processing)
    found = read(model, lenses.saved(model, lenses.untrained(model), tmp_path / "lens"))
    plain = ask(logit_lens, LogitLens, model)
    for name in ("top_probabilities", "kl_divergence", "entropy", "token_logits", "logit_diff"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    assert (found.lens, plain.lens) == ("tuned lens lens", "logit lens")


def test_a_trained_lens_is_nearer_to_the_output_on_a_prompt_that_it_has_not_seen(state, tmp_path):
    model = tiny("gpt2", "raw")
    found = read(model, lenses.saved(model, state, tmp_path), points=("resid_pre", "resid_post"))
    plain = ask(logit_lens, LogitLens, model, points=("resid_pre", "resid_post"))
    assert found.points == ("0_pre", "0_post", "1_post", "2_post")
    assert (found.kl_divergence[:-1].mean(-1) < 0.8 * plain.kl_divergence[:-1].mean(-1)).all()
    np.testing.assert_allclose(found.kl_divergence[-1], 0, atol=TOLERANCE)  # the last stream has no translator


def test_each_point_is_read_through_the_translator_of_the_block_that_follows(state, tmp_path):
    model = tiny("gpt2", "raw")
    found = read(model, lenses.saved(model, state, tmp_path), points=("resid_pre", "resid_post"), tokens=("w3",))
    _, cached = cache(model)
    id = model.tokenizer.convert_tokens_to_ids("w3")
    for layer, row in enumerate(found.token_logits[:3, :, 0]):
        h = cached[f"blocks.{layer}.hook_resid_pre"][0]
        for position in range(len(h)):  # row by row, in the words of the formula
            moved = h[position] + state[f"{layer}.weight"] @ h[position] + state[f"{layer}.bias"]
            logits = model.bridge.unembed(model.bridge.ln_final(moved[None, None]))[0, 0]
            assert row[position] == pytest.approx(float(logits[id]), abs=TOLERANCE)


def test_safetensors_and_torch_files_hold_the_same_lens(state, tmp_path):
    model = tiny("gpt2", "raw")
    first, second = (lenses.saved(model, state, tmp_path / name) for name in ("pt", "safe"))
    save_file(state, second / "params.safetensors")
    (second / "params.pt").unlink()
    np.testing.assert_array_equal(read(model, first).entropy, read(model, second).entropy)
    assert fingerprint(str(first)) != fingerprint(str(second))


def test_folding_an_rms_norm_leaves_the_stream_and_so_the_lens(tmp_path):
    raw, folded = tiny("llama", "raw"), tiny("llama", "compatibility")
    folder = lenses.saved(raw, lenses.trained(raw, steps=3), tmp_path)
    np.testing.assert_allclose(
        read(raw, folder).token_probabilities, read(folded, folder).token_probabilities, atol=TOLERANCE
    )


@pytest.mark.parametrize("architecture", ["gpt2", "neox"])
def test_a_centred_stream_is_refused(architecture, tmp_path):
    model = tiny(architecture, "compatibility")
    folder = lenses.saved(model, lenses.untrained(model), tmp_path)
    with pytest.raises(BadRecipe, match=r"takes the mean off the residual stream .* choose raw weights"):
        read(model, folder)


def test_other_weights_than_those_of_the_fingerprint_are_refused_and_theirs_is_said(tmp_path):
    model = tiny("gpt2", "raw")
    folder = lenses.saved(model, lenses.untrained(model), tmp_path)
    with pytest.raises(BadRecipe, match=f"SHA-256 {fingerprint(str(folder))} and the recipe has no fingerprint"):
        read(model, folder, fingerprint="")
    with pytest.raises(BadRecipe, match="fingerprint is 00; give theirs"):
        read(model, folder, fingerprint="00")


def _saved_wrong(what, model, folder):
    state = lenses.untrained(model)
    if what == "missing layer":
        del state["2.weight"]
    if what == "wrong width":
        state["1.weight"] = torch.zeros(4, 4)
    if what == "not finite":
        state["1.bias"][3] = torch.nan
    if what == "no state dict":
        state = [1.0, 2.0]
    lenses.saved(model, state, folder, **({"lens_type": "mlp"} if what == "other type" else {}))
    if what == "other width":
        lenses.saved(model, state, folder, d_model=64)
    if what == "damaged":
        (folder / "params.pt").write_bytes((folder / "params.pt").read_bytes()[:200])
    if what == "no config":
        (folder / "config.json").unlink()
    if what == "code":
        torch.save({"0.weight": print}, folder / "params.pt")
    if what == "list":
        (folder / "config.json").write_text(json.dumps([1]))
    return folder


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("missing layer", r"2\.weight .* is missing"),
        ("wrong width", r"1\.weight .* of shape \(4, 4\), and tiny-gpt2 needs \(32, 32\)"),
        ("not finite", "not finite"),
        ("no state dict", "no state dict"),
        ("other type", "is a mlp; give one of type linear_tuned_lens"),
        ("other width", "d_model = 64 and tiny-gpt2 32"),
        ("damaged", "damaged or holds more than weights"),
        ("code", "damaged or holds more than weights"),
        ("no config", "config.json in .* cannot be read"),
        ("list", "no JSON object"),
    ],
)
def test_what_is_no_lens_for_this_model_is_refused_in_words(what, said, tmp_path):
    model = tiny("gpt2", "raw")
    with pytest.raises(BadRecipe, match=said):
        read(model, _saved_wrong(what, model, tmp_path))


def test_a_lens_of_another_model_is_refused_where_models_have_names_of_their_own(tmp_path):
    model = tiny("gpt2", "raw")
    folder = str(
        lenses.saved(model, lenses.untrained(model), tmp_path, base_model_name_or_path="openai-community/gpt2")
    )
    print_ = fingerprint(folder)
    read_tuned_lens(folder, model.facts, print_)  # a live model may be called anything
    named = replace(model.facts, spec=replace(model.facts.spec, source="huggingface", name="EleutherAI/pythia-14m"))
    with pytest.raises(BadRecipe, match="made for openai-community/gpt2 and the model is EleutherAI/pythia-14m"):
        read_tuned_lens(folder, named, print_)
    own = replace(named, spec=replace(named.spec, name="gpt2"))
    assert read_tuned_lens(folder, own, print_).weights.shape == (3, 32, 32)


def test_a_folder_without_a_lens_is_refused(tmp_path):
    with pytest.raises(BadRecipe, match=r"no tuned lens in .*give a folder with config\.json and params"):
        fingerprint(str(tmp_path))


def test_recipes_that_mean_nothing_are_refused():
    model = tiny("gpt2", "raw")
    for fields, said in (
        ({"lens": "tuned"}, "needs the folder"),
        ({"folder": "x"}, "has no translators"),
        ({"lens": "tuned", "folder": "x", "points": ("resid_mid",)}, "no translators for resid_mid"),
        ({"points": ()}, "reads no point"),
        ({"tokens": ("w1", "w1")}, "different ones"),
    ):
        with pytest.raises(BadRecipe, match=said):
            ask(logit_lens, LogitLens, model, **fields)
