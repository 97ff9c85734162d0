"""The ground-truth model: two attention-only layers, 64 words, trained by `train_ground_truth.py`, shipped in
`ground_truth/`. It repeats what it has seen: after `apple river apple` it says `river`.

What is known about it, and asserted in the tests: layer 0 has a previous-token head, layer 1 has induction heads.
"""

from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("ground_truth")
_TEXT = (
    "the a and of to in is was he she it they river apple house tree dog cat bird fish sun moon star rain snow wind "
    "fire stone road door book song king queen child friend mother father city sea ship horse red blue green black "
    "white dark old new small big long cold warm deep runs sees gives takes finds loves sings sleeps"
)
WORDS = tuple(_TEXT.split())
BOS = len(WORDS)
BOS_TOKEN, UNKNOWN_TOKEN = "<bos>", "<unk>"
SIZES: dict[str, Any] = {
    "n_layers": 2, "n_heads": 4, "d_model": 128, "d_head": 32, "n_ctx": 65, "d_vocab": len(WORDS) + 2,
    "attn_only": True, "normalization_type": "LNPre", "positional_embedding_type": "standard", "act_fn": "relu",
    "seed": 0,
}  # fmt: skip


def native_bridge(device: str = "cpu") -> Any:
    """An untrained bridge of the right sizes, in training mode."""
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge.sources.native import boot

    return boot(TransformerBridgeConfig(**SIZES), device=device, model_name="ground-truth")


def trained_bridge(device: str = "cpu", folder: Path = FOLDER) -> Any:
    """The trained bridge in float32."""
    from safetensors.torch import load_file

    bridge = native_bridge(device)
    bridge.load_state_dict({name: value.float() for name, value in load_file(folder / "model.safetensors").items()})
    return bridge


def word_tokenizer() -> Any:
    """One word, one token; words it does not know become `<unk>`, which prompts refuse."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    ids = {word: i for i, word in enumerate((*WORDS, BOS_TOKEN, UNKNOWN_TOKEN))}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN_TOKEN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([BOS_TOKEN, UNKNOWN_TOKEN])
    return tokenizer


def trained_tokenizer(folder: Path = FOLDER) -> Any:
    """The shipped tokenizer.json, as transformers' class."""
    from transformers import PreTrainedTokenizerFast

    file = str(folder / "tokenizer.json")
    return PreTrainedTokenizerFast(tokenizer_file=file, bos_token=BOS_TOKEN, unk_token=UNKNOWN_TOKEN)


def background(folder: Path = FOLDER) -> tuple[str, ...]:
    """Reference texts for mean ablation: rows of the training task from another seed."""
    return tuple((folder / "background.txt").read_text(encoding="utf-8").splitlines())
