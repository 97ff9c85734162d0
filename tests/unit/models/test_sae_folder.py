"""Autoencoders: every architecture is its slow loop; both layouts of the folder; what does not fit is refused."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.compute.autoencoders import autoencoder, fitting_autoencoder
from app.compute.directions import made
from app.domain.directions import SaeFeature
from app.domain.errors import MicrotomeError
from app.models.sae_folder import OWN, folder_fingerprint, read_autoencoder
from tests import autoencoders
from tests.loaded import ground_truth, tiny

ATOL = 1e-5  # both sides float32
NORMS = ("none", "layer_norm", "constant_norm_rescale")


def read(folder, model=None):
    model = model or tiny("llama")
    return read_autoencoder(folder, model.facts, folder_fingerprint(folder))


def slow_features(architecture, state, y, k=autoencoders.K):
    """One feature after another, in the words of the papers."""
    before = [sum(float(y[i]) * float(state["W_enc"][i, f]) for i in range(len(y))) for f in range(autoencoders.D_SAE)]
    if architecture == "gated":
        return [
            max(b * math.exp(float(state["r_mag"][f])) + float(state["b_mag"][f]), 0.0)
            if b + float(state["b_gate"][f]) > 0
            else 0.0
            for f, b in enumerate(before)
        ]
    before = [b + float(state["b_enc"][f]) for f, b in enumerate(before)]
    if architecture == "jumprelu":
        return [b if b > 0 and b > float(state["threshold"][f]) else 0.0 for f, b in enumerate(before)]
    kept = sorted(range(len(before)), key=lambda f: -before[f])[: k if architecture == "topk" else None]
    return [max(b, 0.0) if f in kept else 0.0 for f, b in enumerate(before)]


def slow_norm(norm, x):
    """(normalised, what undoes it)"""
    if norm == "layer_norm":
        sd = math.sqrt(sum((float(v) - float(x.mean())) ** 2 for v in x) / (len(x) - 1))
        return (x - x.mean()) / (sd + 1e-5), lambda y: y * sd + x.mean()
    if norm == "constant_norm_rescale":
        times = math.sqrt(len(x)) / float(x.norm())
        return x * times, lambda y: y / times
    return x, lambda y: y


@pytest.mark.parametrize(
    ("architecture", "norm", "subtracts"),
    [(each, norm, norm != "layer_norm") for each in OWN for norm in (NORMS if each == "standard" else NORMS[:1])],
)
def test_encoding_and_decoding_equal_slow_loops(architecture, norm, subtracts, tmp_path):
    state = autoencoders.random_state(architecture, 32)
    options = {"apply_b_dec_to_input": subtracts, "normalize_activations": norm}
    sae = read(autoencoders.saved(tmp_path, architecture, **options))
    x = torch.randn(3, 32, generator=torch.Generator().manual_seed(1)) * 2 + 0.5
    encoded = sae.encode(x)
    for row in range(3):
        normed, undone = slow_norm(norm, x[row])
        features = slow_features(architecture, state, normed - state["b_dec"] if subtracts else normed)
        torch.testing.assert_close(encoded.features[row], torch.tensor(features), atol=ATOL, rtol=0)
        written = [sum(features[f] * float(state["W_dec"][f, i]) for f in range(len(features))) for i in range(32)]
        expected = undone(torch.tensor(written) + state["b_dec"])
        torch.testing.assert_close(sae.decode(encoded)[row], expected, atol=ATOL, rtol=0)
    parts = torch.stack([sae.written(encoded, f) for f in range(sae.d_sae)]).sum(0)
    torch.testing.assert_close(parts + sae.b_dec * encoded.scale + encoded.shift, sae.decode(encoded))
    for feature in (0, 7, 39):
        torch.testing.assert_close(sae.encode_one(x, feature), encoded.features[:, feature])
    assert 0 < float((encoded.features > 0).float().mean()) < 1


def test_the_older_layout_is_read_and_means_the_same(tmp_path):
    new = read(autoencoders.saved(tmp_path / "new", "topk"))
    older = {"metadata": None, "hook_name": "blocks.1.hook_resid_post", "hook_layer": 1, "architecture": "standard",
             "activation_fn_str": "topk", "activation_fn_kwargs": {"k": autoencoders.K}, "k": None,
             "normalize_activations": False}  # fmt: skip
    old = read(autoencoders.saved(tmp_path / "old", "topk", **older))
    x = torch.randn(4, 32)
    torch.testing.assert_close(old.encode(x).features, new.encode(x).features)
    assert (old.activation, old.layer, old.k) == (new.activation, new.layer, new.k) == ("resid_post", 1, 6)


def test_factors_that_saelens_multiplies_with_are_folded_in(tmp_path):
    state, x = autoencoders.random_state("topk", 32), torch.randn(4, 32)
    sae = read(autoencoders.saved(tmp_path / "norms", "topk", rescale_acts_by_decoder_norm=True))
    norm = state["W_dec"].norm(dim=-1)
    before = ((x - state["b_dec"]) @ state["W_enc"] + state["b_enc"]) * norm
    top = before.topk(autoencoders.K)
    features = torch.zeros_like(before).scatter(-1, top.indices, top.values.relu())
    torch.testing.assert_close(sae.encode(x).features, features, atol=ATOL, rtol=0)
    torch.testing.assert_close(sae.decode(sae.encode(x)), features / norm @ state["W_dec"] + state["b_dec"])

    scaled = {"normalize_activations": "expected_average_only_in"}
    folder = autoencoders.saved(tmp_path / "scaled", **scaled)
    with pytest.raises(MicrotomeError, match=r"no activation_scaler\.json .* fold the factor in"):
        read(folder)
    (Path(folder) / "activation_scaler.json").write_text(json.dumps({"scaling_factor": 0.5}))
    plain = read(autoencoders.saved(tmp_path / "plain"))
    expected = plain.decode(plain.encode(x * 0.5)) / 0.5
    torch.testing.assert_close(read(folder).decode(read(folder).encode(x)), expected)


def _wrong(what, folder):
    state, config = autoencoders.random_state("standard", 32), {}
    if what == "other width":
        return autoencoders.saved(folder, d_in=64)
    if what == "missing":
        del state["b_enc"]
    if what == "shape":
        state["W_enc"] = state["W_enc"].T.contiguous()
    if what == "not finite":
        state["b_dec"][3] = torch.nan
    if what == "more":
        state["W_skip"] = torch.zeros(32, 32)
    hooks = {"layer": "blocks.3.hook_resid_post", "heads": "blocks.1.attn.hook_z", "no hook": ""}
    config = {"batchtopk": {"architecture": "batchtopk"}, "tanh": {"activation_fn": "tanh-relu"},
              "norm": {"normalize_activations": "batch"}, "two layers": {"hook_layer": 2},
              "no k": {"architecture": "topk"}}.get(what, {})  # fmt: skip
    path = autoencoders.saved(folder, state=state, hook=hooks.get(what, "blocks.1.hook_resid_post"), **config)
    if what == "damaged":
        (folder / "sae_weights.safetensors").write_bytes(b"no weights")
    if what == "list":
        (folder / "cfg.json").write_text("[1]")
    return path


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("other width", r"d_in = 64, and the residual stream of tiny-llama has 32"),
        ("missing", r"b_enc in .* is missing, and a standard autoencoder"),
        ("shape", r"W_enc in .* is of shape \(40, 32\), .* needs \(32, 40\)"),
        ("not finite", "b_dec in .* not finite"),
        ("more", "W_skip, which a standard autoencoder has not"),
        ("layer", r"is of blocks\.3\.hook_resid_post, and tiny-llama has 3 layers"),
        ("heads", r"is of 'blocks\.1\.attn\.hook_z'; give one of blocks\.N\.hook_resid_pre"),
        ("no hook", "is of 'no hook'"),
        ("batchtopk", "is 'batchtopk'; give one that is standard"),
        ("tanh", "is 'tanh-relu'"),
        ("norm", "normalize_activations = 'batch'"),
        ("two layers", r"says layer 2 and hook blocks\.1"),
        ("no k", "has k = None"),
        ("damaged", "is damaged"),
        ("list", "no JSON object"),
    ],
)
def test_what_is_no_autoencoder_for_this_model_is_refused_in_words(what, said, tmp_path):
    with pytest.raises(MicrotomeError, match=said):
        read(_wrong(what, tmp_path))


def test_a_folder_without_one_and_another_one_than_was_used_are_refused(tmp_path):
    with pytest.raises(MicrotomeError, match=r"no sparse autoencoder in .*cfg\.json and sae_weights"):
        folder_fingerprint(str(tmp_path))
    model, folder = tiny("llama"), autoencoders.saved(tmp_path)
    own, sae = fitting_autoencoder(model, folder)
    assert autoencoder(model, folder, own) is sae, "it is remembered with the model"
    with pytest.raises(MicrotomeError, match=f"SHA-256 {own} and there is no fingerprint"):
        autoencoder(model, folder, "")
    autoencoders.saved(tmp_path, apply_b_dec_to_input=False)
    assert folder_fingerprint(folder) != own, "the configuration is part of it"


def test_a_stream_with_or_without_its_mean_is_told_apart_under_layer_norm(tmp_path):
    folder = autoencoders.saved(tmp_path / "with")
    assert fitting_autoencoder(tiny("gpt2", "raw"), folder)
    with pytest.raises(MicrotomeError, match=r"trained on a stream with its mean, .* choose raw weights"):
        fitting_autoencoder(tiny("gpt2"), folder)
    centred = autoencoders.saved(tmp_path / "without", model_from_pretrained_kwargs={"center_writing_weights": True})
    assert fitting_autoencoder(tiny("gpt2"), centred)
    with pytest.raises(MicrotomeError, match="choose compatibility weights"):
        fitting_autoencoder(tiny("gpt2", "raw"), centred)
    mlp = autoencoders.saved(tmp_path / "mlp", hook="blocks.0.hook_mlp_out", d_in=ground_truth().facts.d_model)
    with pytest.raises(MicrotomeError, match="has no MLPs"):
        fitting_autoencoder(ground_truth(), mlp)


def test_a_feature_is_a_direction_and_one_that_is_not_there_is_refused(tmp_path):
    model, folder = tiny("llama"), autoencoders.saved(tmp_path)
    own = folder_fingerprint(folder)
    found = made(model, SaeFeature(folder, 7, own, 1))
    torch.testing.assert_close(found.vector, autoencoders.random_state("standard", 32)["W_dec"][7])
    with pytest.raises(MicrotomeError, match=r"has 40 features \(0 to 39\)"):
        made(model, SaeFeature(folder, 40, own))
    with pytest.raises(MicrotomeError, match="is of resid_post of layer 1 and not resid_post of layer 2"):
        made(model, SaeFeature(folder, 7, own, 2))
    with pytest.raises(MicrotomeError, match="no sparse autoencoder in /nowhere"):
        made(model, SaeFeature("/nowhere", 7, own))


def test_scaling_factors_of_ones_are_nothing_and_others_are_folded_in(tmp_path):
    state, x = autoencoders.random_state("standard", 32), torch.randn(2, 32)
    plain = read(autoencoders.saved(tmp_path / "plain"))
    for factor in (1.0, 3.0):
        folder = autoencoders.saved(tmp_path / str(factor))
        save_file(state | {"scaling_factor": torch.full((40,), factor)}, Path(folder) / "sae_weights.safetensors")
        torch.testing.assert_close(read(folder).W_dec, plain.W_dec * factor)
        torch.testing.assert_close(read(folder).encode(x).features, plain.encode(x).features)
