"""The shipped model has the heads it is said to have (scores on random words, twice)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from app.models import ground_truth_model
from app.models.tokens import tokenise
from app.models.train_ground_truth import copyable_loss, rate, repeated_words
from tests.loaded import ground_truth

LENGTH = 24


def _twice(rows: int = 8) -> Int[Tensor, "batch pos"]:
    """BOS and random words, repeated once."""
    words = torch.randint(0, len(ground_truth_model.WORDS), (rows, LENGTH), generator=torch.Generator().manual_seed(5))
    return torch.cat([torch.full((rows, 1), ground_truth_model.BOS), words, words], dim=1)


def _patterns() -> Float[Tensor, "layer head dest_pos src_pos"]:
    """Mean attention over the rows, without BOS."""
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in range(2)]
    model = ground_truth()
    with model.lock:
        _, cache = model.bridge.run_with_cache(_twice(), names_filter=names)
    return torch.stack([cache[name].mean(0)[:, 1:, 1:] for name in names])


def test_exactly_one_head_of_layer_0_attends_to_the_previous_token() -> None:
    scores = _patterns().diagonal(offset=-1, dim1=-2, dim2=-1).mean(-1)
    assert scores[0].max() > 0.95
    assert (scores > 0.5).sum() == 1


def test_every_head_of_layer_1_is_an_induction_head_and_none_of_layer_0() -> None:
    entries = _patterns().diagonal(offset=1 - LENGTH, dim1=-2, dim2=-1)[..., 1:]  # the first is no repeat
    scores = entries.mean(-1)
    assert scores[1].min() > 0.9
    assert scores[0].max() < 0.1


def test_it_repeats_what_it_has_seen() -> None:
    tokens, model = _twice(), ground_truth()
    with model.lock:
        guesses = model.bridge(tokens).argmax(-1)
    right = guesses[:, LENGTH + 1 : -1] == tokens[:, LENGTH + 2 :]
    assert right.float().mean() > 0.98


def test_it_is_in_eval_mode_without_gradients_and_without_mlps() -> None:
    model = ground_truth()
    assert not model.bridge.training
    assert not any(parameter.requires_grad for parameter in model.bridge.parameters())
    assert (model.facts.d_mlp, model.facts.parallel_blocks, model.facts.bos_token) == (None, False, "<bos>")


def test_processing_does_not_change_its_log_probabilities() -> None:
    tokens = _twice(2)
    raw, processed = (ground_truth(kind).bridge(tokens).log_softmax(-1) for kind in ("raw", "compatibility"))
    # float32 rounding over two layers
    torch.testing.assert_close(raw, processed, atol=1e-4, rtol=0)


def test_the_shipped_files_are_small_and_agree_with_the_script() -> None:
    folder = ground_truth_model.FOLDER
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2_000_000
    assert (folder / "tokenizer.json").read_text() == ground_truth_model.word_tokenizer().to_str(pretty=True)
    background = ground_truth().background
    assert len(background) == 16
    assert all(len(tokenise(ground_truth(), text, 65)) == 65 for text in background)


def test_training_rows_repeat_with_their_period_after_bos() -> None:
    tokens, periods = repeated_words(4, torch.Generator().manual_seed(0))
    assert (tokens[:, 0] == ground_truth_model.BOS).all()
    for row, period in zip(tokens.tolist(), periods.tolist(), strict=True):
        assert row[1 + period :] == row[1:-period]


def test_the_loss_counts_only_what_can_be_copied() -> None:
    tokens, periods = repeated_words(2, torch.Generator().manual_seed(0))
    perfect = 50.0 * torch.nn.functional.one_hot(torch.roll(tokens, -1, 1), 66).float()
    perfect[:, :10] = 0.0  # no period is shorter than 10, so these positions do not count
    assert copyable_loss(perfect, tokens, periods) < 1e-6


def test_the_learning_rate_warms_up_and_ends_near_zero() -> None:
    assert (rate(0), rate(400)) == (0.01, 1.0)
    assert rate(799) < 0.01
