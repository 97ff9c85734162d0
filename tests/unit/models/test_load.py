"""Folders and live bridges loaded for real, and every refusal in its own words."""

import json
import pickle
from pathlib import Path

import pytest
import torch

from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models import memory
from app.models.facts import identity
from app.models.load import chosen_device, live, load
from app.models.loaded import LoadedModel
from app.models.tokens import tokenise
from tests import tiny
from tests.loaded import tiny as tiny_model
from tests.unit.models.small import folder

TOKENS = torch.tensor([[0, 3, 4, 5, 6, 4, 7, 8]])


def _load(path: Path, **options: str) -> LoadedModel:
    spec = ModelSpec("folder", str(path), **options)  # type: ignore[arg-type]  # spec fields
    return load(spec, device="cpu", home=path.parent / "home")


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_folder_gives_the_numbers_of_the_model_that_was_saved(tmp_path: Path, architecture: str) -> None:
    model = _load(folder(tmp_path / "mine", architecture), processing="raw")
    with torch.no_grad():
        expected = tiny.hf_model(architecture)(TOKENS).logits
    # one float32 forward through other modules
    torch.testing.assert_close(model.bridge(TOKENS), expected, atol=1e-4, rtol=0)


def test_a_loaded_folder_is_frozen_and_says_what_it_is(tmp_path: Path) -> None:
    model = _load(folder(tmp_path / "mine"))
    facts = model.facts
    assert (facts.title, facts.n_layers, facts.n_heads, facts.n_key_value_heads) == ("mine", 3, 4, 2)
    assert (facts.spec.processing, facts.device, facts.bos_token) == ("compatibility", "cpu", "<|endoftext|>")
    assert not model.bridge.training
    assert not any(parameter.requires_grad for parameter in model.bridge.parameters())
    assert tokenise(model, tiny.CLEAN, 20).ids == tuple(TOKENS[0].tolist())


def test_processing_changes_identity_but_not_log_probabilities(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    raw, processed = (_load(path, processing=kind) for kind in ("raw", "compatibility"))
    assert raw.facts.identity != processed.facts.identity
    # folding rounds once more in float32
    torch.testing.assert_close(
        raw.bridge(TOKENS).log_softmax(-1), processed.bridge(TOKENS).log_softmax(-1), atol=1e-4, rtol=0
    )


def test_the_identity_follows_the_weights_not_the_place(tmp_path: Path) -> None:
    one, same = folder(tmp_path / "one"), folder(tmp_path / "two" / "one")
    assert _load(one).facts.identity == _load(same).facts.identity
    tiny_other = tiny.hf_model("llama")
    with torch.no_grad():
        tiny_other.lm_head.weight[0, 0] += 1.0
    tiny_other.save_pretrained(same)
    assert _load(one).facts.identity != _load(same).facts.identity


def test_identity_holds_weights_processing_and_dtype() -> None:
    specs = [
        ModelSpec("folder", "m"),
        ModelSpec("folder", "m", processing="raw"),
        ModelSpec("folder", "m", dtype="bfloat16"),
    ]
    assert len({identity("w", spec) for spec in specs} | {identity("v", specs[0])}) == 4


def test_bfloat16_is_offered_and_stated(tmp_path: Path) -> None:
    model = _load(folder(tmp_path / "mine"), dtype="bfloat16")
    assert {parameter.dtype for parameter in model.bridge.parameters()} == {torch.bfloat16}
    assert model.facts.spec.dtype == "bfloat16"


def test_weights_that_float16_cannot_hold_are_refused(tmp_path: Path) -> None:
    model = tiny.hf_model("llama")
    with torch.no_grad():
        model.lm_head.weight[0, 0] = 1e5
    model.save_pretrained(tmp_path / "large")
    tiny.tokenizer().save_pretrained(tmp_path / "large")
    with pytest.raises(ModelError, match="weights that float16 cannot hold; choose bfloat16 or float32"):
        _load(tmp_path / "large", dtype="float16", processing="raw")


def test_a_truncated_weight_file_is_refused_as_damaged(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    file = path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match="The files of mine cannot be read"):
        _load(path)


def test_a_weight_file_with_a_broken_header_is_refused_as_damaged(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    (path / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged"):
        _load(path)


def test_missing_weights_are_refused_not_filled_with_random_numbers(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = folder(tmp_path / "mine")
    weights = load_file(path / "model.safetensors")
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"layers\.1\.mlp\.up_proj\.weight is missing"):
        _load(path)


def test_a_damaged_configuration_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    (path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="The files of mine cannot be read"):
        _load(path)


def test_pickled_weights_load_only_as_plain_tensors(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    expected = _load(path, processing="raw").bridge(TOKENS)
    (path / "model.safetensors").unlink()
    torch.save(tiny.hf_model("llama").state_dict(), path / "pytorch_model.bin")
    torch.testing.assert_close(_load(path, processing="raw").bridge(TOKENS), expected, atol=0, rtol=0)


class _Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_pickled_code_is_refused_and_never_run(tmp_path: Path) -> None:
    path, mark = folder(tmp_path / "mine"), tmp_path / "ran"
    (path / "model.safetensors").unlink()
    (path / "pytorch_model.bin").write_bytes(pickle.dumps(_Evil(mark), protocol=2))
    with pytest.raises(ModelError, match="The files of mine cannot be read"):
        _load(path)
    assert not mark.exists()


def test_code_in_the_folder_is_refused_and_never_run(tmp_path: Path) -> None:
    path, mark = folder(tmp_path / "mine"), tmp_path / "ran"
    config = json.loads((path / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.Own"}}
    (path / "config.json").write_text(json.dumps(config))
    (path / "own.py").write_text(f"open({str(mark)!r}, 'w')")
    with pytest.raises(ModelError, match="code that comes with a model is never run"):
        _load(path)
    assert not mark.exists()


def test_an_architecture_that_is_no_language_model_is_refused_by_name(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    config = json.loads((path / "config.json").read_text()) | {
        "architectures": ["BertForMaskedLM"],
        "model_type": "bert",
    }
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="mine is a BertForMaskedLM, which TransformerLens cannot open"):
        _load(path)


def test_a_folder_that_is_no_model_says_what_one_has(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"no config\.json"):
        _load(tmp_path / "empty")
    (tmp_path / "empty" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="has no weights"):
        _load(tmp_path / "empty")
    with pytest.raises(ModelError, match="There is no folder"):
        _load(tmp_path / "none")


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    for file in path.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match="mine has no readable tokenizer"):
        _load(path)


def test_parameters_are_counted_from_the_header_alone(tmp_path: Path) -> None:
    path = folder(tmp_path / "mine")
    expected = sum(parameter.numel() for parameter in tiny.hf_model("llama").parameters())
    assert memory.count_parameters((path / "model.safetensors",)) == expected


def test_a_model_that_does_not_fit_is_refused_with_both_numbers() -> None:
    with pytest.raises(ModelError, match=r"Big needs about 84\.0 GB .*7000 million parameters.* and 16\.0 GB are free"):
        memory.require(7_000_000_000, "float32", "compatibility", "Big", 16_000_000_000)
    memory.require(7_000_000_000, "float32", "compatibility", "Big", 84_000_000_000)


def test_free_memory_is_no_more_than_the_machine_has() -> None:
    import psutil

    assert 0 < memory.available_bytes() <= psutil.virtual_memory().total


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert chosen_device("cpu") == "cpu"
    with pytest.raises(ModelError, match=r"The device 'tpu' is not there; use one of .*cpu"):
        chosen_device("tpu")


def test_a_live_bridge_is_taken_as_it_is() -> None:
    bridge = tiny.build("gpt2", "raw")
    model = live(bridge, tokenizer=tiny.tokenizer(), title="notebook")
    assert model.bridge is bridge
    assert (model.facts.spec.source, model.facts.spec.processing, model.facts.title) == ("live", "raw", "notebook")
    assert live(tiny.build("gpt2"), tokenizer=tiny.tokenizer()).facts.spec.processing == "compatibility"


def test_a_live_bridge_s_identity_changes_with_its_weights() -> None:
    bridge = tiny.build("gpt2", "raw")
    before = live(bridge, tokenizer=tiny.tokenizer()).facts.identity
    assert live(tiny.build("gpt2", "raw"), tokenizer=tiny.tokenizer()).facts.identity == before
    with torch.no_grad():
        next(iter(bridge.parameters())).add_(1.0)
    assert live(bridge, tokenizer=tiny.tokenizer()).facts.identity != before


def test_a_live_bridge_s_identity_changes_with_its_constants_tokens_and_reference_texts() -> None:
    bridge, words = tiny.build("llama", "raw"), tiny.tokenizer()
    before = live(bridge, tokenizer=words).facts.identity
    other = tiny.tokenizer()
    other.add_tokens(["w1 w2"])
    assert live(bridge, tokenizer=other).facts.identity != before
    assert live(bridge, tokenizer=words, background=("w1 w2",)).facts.identity != before
    bridge.original_model.config.rope_parameters["rope_theta"] = 500.0
    assert live(bridge, tokenizer=words).facts.identity != before


def test_a_live_bridge_without_tokenizer_is_refused() -> None:
    with pytest.raises(ModelError, match="has no tokenizer"):
        live(tiny.build("gpt2", "raw"))


def test_a_live_spec_cannot_be_loaded_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Engine\(model=bridge\)"):
        load(ModelSpec("live", "notebook"), device="cpu", home=tmp_path)


def test_parallel_blocks_are_asked_of_the_model() -> None:
    assert [tiny_model(name).facts.parallel_blocks for name in ("gpt2", "neox", "llama", "gemma")] == [
        False, True, False, False,
    ]  # fmt: skip
