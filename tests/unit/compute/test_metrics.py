"""Metrics of final logits, checked by hand on four-token vocabularies and by the model's own unembedding."""

import math

import pytest
import torch

from app.compute.metrics import answer_metrics, logit_diff, logit_direction
from app.domain.errors import BadAnswer
from app.domain.results import METRICS
from tests import tiny as words
from tests.loaded import tiny

LOGITS = torch.tensor([[2.0, 1.0, 0.0, 1.0]])


def metric(name, logits=LOGITS, answers=(0,), incorrect=(2,), clean=None):
    return float(answer_metrics(logits, answers, incorrect, clean)[METRICS.index(name), 0])


def test_logit_diff_is_the_difference_of_mean_logits():
    assert metric("logit_diff") == 2.0
    assert metric("logit_diff", answers=(0, 1), incorrect=(2, 3)) == 1.0


def test_answer_log_prob_is_the_log_of_the_total_probability_of_the_answers():
    total = math.exp(2) + 2 * math.exp(1) + 1
    assert metric("answer_log_prob") == pytest.approx(math.log(math.exp(2) / total), abs=1e-6)
    assert metric("probability", answers=(0, 1)) == pytest.approx((math.exp(2) + math.exp(1)) / total, abs=1e-6)


def test_rank_counts_tokens_with_a_strictly_larger_logit_than_the_best_answer():
    assert metric("rank", answers=(0,)) == 0
    assert metric("rank", answers=(1,)) == 1, "token 3 ties with token 1 and is not strictly larger"
    assert metric("rank", answers=(2,)) == 3
    assert metric("rank", answers=(2, 0)) == 0


def test_many_rows_have_the_metrics_of_each_alone():
    """Of a vocabulary so wide that not all rows are computed together."""
    logits = torch.randn(5, 2**18, generator=torch.Generator().manual_seed(0))
    clean = logits[1].log_softmax(-1)
    alone = [answer_metrics(row[None], (3, 4), (5,), clean) for row in logits]
    torch.testing.assert_close(answer_metrics(logits, (3, 4), (5,), clean), torch.cat(alone, 1))
    assert answer_metrics(logits[:0], (3,), (5,), clean).shape == (5, 0)


def test_kl_divergence_is_from_the_baseline_to_the_row_in_nats():
    clean = torch.tensor([0.7, 0.1, 0.1, 0.1])
    row = LOGITS.softmax(-1)[0]
    expected = sum(float(p * (p / q).log()) for p, q in zip(clean, row, strict=True))
    assert metric("kl_divergence", clean=clean.log()) == pytest.approx(expected, abs=1e-6)


def test_kl_divergence_of_the_baseline_itself_is_zero():
    assert metric("kl_divergence") == 0
    assert metric("kl_divergence", clean=LOGITS[0].log_softmax(-1)) == pytest.approx(0, abs=1e-7)


def test_metrics_do_not_change_when_a_constant_is_added_to_the_logits():
    """Centring the unembedding shifts every logit of a row alike."""
    shifted = answer_metrics(LOGITS + 13.6, (0,), (2,), LOGITS[0].log_softmax(-1))
    torch.testing.assert_close(
        shifted, answer_metrics(LOGITS, (0,), (2,), LOGITS[0].log_softmax(-1)), atol=1e-5, rtol=0
    )


def test_what_needs_answers_is_nan_without_them():
    for name in METRICS:
        assert math.isnan(metric(name, answers=(), incorrect=())) == (name != "kl_divergence")
    assert math.isnan(metric("logit_diff", incorrect=()))
    assert not math.isnan(metric("rank", incorrect=()))


def test_low_precision_logits_are_read_in_float32():
    assert answer_metrics(LOGITS.bfloat16(), (0,), (2,), None).dtype == torch.float32


@pytest.mark.parametrize("processing", ["compatibility", "raw"])
@pytest.mark.parametrize("architecture", ["gpt2", "neox", "llama"])
def test_the_logit_direction_reads_the_logit_diff_off_the_normalised_stream(architecture, processing):
    model = tiny(architecture, processing)
    ids, a, b = torch.tensor([[0, 3, 4, 5]]), (9, 10), (13,)
    logits, cache = model.bridge.run_with_cache(ids, names_filter=["ln_final.hook_normalized"])
    u, offset = logit_direction(model, a, b)
    expected = logit_diff(logits[:, -1], a, b)
    found = cache["ln_final.hook_normalized"][:, -1] @ u + offset
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_direction_needs_both_answers():
    with pytest.raises(BadAnswer, match="incorrect answer"):
        logit_direction(tiny("gpt2"), (9,), ())


def test_a_direction_between_equal_answers_is_zero():
    u, offset = logit_direction(tiny("llama"), (9, 10), (10, 9))
    assert (float(u.abs().max()), offset) == (0, 0)
    assert len(u) == words.CONFIGS["llama"][1]["hidden_size"]


def test_logits_that_are_no_numbers_have_no_rank():
    assert math.isnan(metric("rank", torch.tensor([[math.nan, 1.0, 0.0, 1.0]])))
