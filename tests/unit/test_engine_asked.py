"""What the engine is asked for: views of two runs, and input that it refuses in words."""

from typing import Any

import numpy as np
import pytest

from app.domain.errors import BadAnswer, BadPrompt, BadRecipe, BadSite, ModelError
from app.domain.views import Style, View
from app.engine import Engine
from tests.unit.test_engine import ABLATE, PAIR, PATCH, recipe


def test_a_view_shows_the_baseline_the_intervened_run_or_the_difference(engine: Engine) -> None:
    asked = recipe("direct_logit_attribution", interventions=[ABLATE])
    shown = [engine.view(View(asked, Style(show=show))) for show in ("baseline", "intervened", "difference")]
    before, after, change = (found.logit_diff for found in shown)
    np.testing.assert_array_equal(change, after - before)
    assert abs(change[0]) > 1e-3  # an induction head matters here


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"prompts": ["the " * 80]}, BadPrompt, "the limit is 65"),
        ({"prompts": [{**PAIR, "answer": "aardvark"}]}, BadAnswer, "'aardvark'"),
        ({"interventions": [{**ABLATE, "site": {"activation": "z", "layer": 7}}]}, BadSite, "0 to 1"),
        ({"interventions": [{**ABLATE, "site": {"activation": "z", "layer": 1, "heads": [4]}}]}, BadSite, "0 to 3"),
        ({"interventions": [{**ABLATE, "site": {"activation": "z", "layer": 1, "positions": [7]}}]}, BadSite, "0 to 6"),
        (
            {"interventions": [PATCH], "prompts": ["the dog"]},
            BadRecipe,
            "corrupted",
        ),
        (
            {
                "interventions": [PATCH],
                "prompts": [{**PAIR, "corrupted": "the dog"}],
            },
            BadPrompt,
            "7 tokens and the corrupted one 3",
        ),
        ({"top_k": 0}, BadRecipe, "from 1 to 66"),
        ({"kind": "attention_pattern", "prompt": 1}, BadSite, "so 1 does not exist"),
        ({"kind": "attention_pattern", "layers": [2]}, BadSite, "so 2 does not exist"),
        ({"kind": "attention_weights", "prompt": 1}, BadSite, "so 1 does not exist"),
        ({"kind": "head_reading", "head": "L2H0"}, BadSite, "so 2 does not exist"),
        ({"kind": "head_reading", "head": "L1H0", "query": 99}, BadSite, "so 99 does not exist"),
        ({"kind": "attention_weights", "layers": [2]}, BadSite, "so 2 does not exist"),
        ({"kind": "direct_logit_attribution", "prompts": ["the dog"]}, BadAnswer, "answer"),
        ({"model": "gpt-9"}, ModelError, "ground-truth"),
    ],
)
def test_bad_input_is_refused_in_words(engine: Engine, options: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        engine.evaluate(recipe(**{"kind": "prediction", **options}))


def test_what_cannot_be_changed_is_refused_before_anything_is_computed(engine: Engine) -> None:
    with pytest.raises(BadSite, match="use pattern"):
        engine.check(recipe(interventions=[{**ABLATE, "site": {"activation": "attn_scores", "layer": 0}}]))


def test_pairs_of_different_lengths_are_fine_where_nothing_is_patched(engine: Engine) -> None:
    engine.check(recipe(prompts=[{**PAIR, "corrupted": "the dog"}]))


def test_prompts_and_answers_are_read_by_the_tokenizer(engine: Engine) -> None:
    read = engine.read_prompt(engine.spec, "the river")
    assert (read.str_tokens, read.bos) == (("<bos>", "the", "river"), True)
    assert engine.read_answer(engine.spec, "river") == "river"
    assert "river" in engine.search_tokens(engine.spec, "riv")
