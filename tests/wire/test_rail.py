"""The rail: a draft becomes an experiment only when it holds; everything else is said, and nothing is lost."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.wire.page import PAIR, READY, SPEC, Page, experiment

DRAFT = {
    "clean-prompt.value": "the river apple house the river",
    "corrupted-prompt.value": "",
    "answer.value": ["apple"],
    "incorrect-answer.value": ["dog"],
}


def run(served: Page, **draft: Any) -> Any:
    """Press Run with these drafts."""
    changes = {f"{name.replace('_', '-')}.value": value for name, value in draft.items()}
    given = {"run.n_clicks": 1, **DRAFT, **changes, "experiment.data": experiment()}
    return served.ask("accepted.data", given)


def refusal(served: Page, **draft: Any) -> str:
    """Why the drafts were refused; no experiment comes with it."""
    answer = run(served, **draft)
    assert "accepted" not in answer
    return answer["refusal"]["data"]


def test_a_draft_that_holds_becomes_the_experiment(served: Page) -> None:
    answer = run(served, clean_prompt="the dog apple house the dog", corrupted_prompt="the river apple house the dog")
    prompt = answer["accepted"]["data"]["experiment"]["prompt"]
    assert prompt["clean"] == "the dog apple house the dog"
    assert prompt["answer"] == ["apple"]
    assert answer["refusal"]["data"] is None


def test_a_prompt_that_is_typed_anew_keeps_its_labels(served: Page) -> None:
    labelled = experiment(replace(PAIR, labels=(("topic", "sport"),)))
    given = {"run.n_clicks": 1, **DRAFT, "clean-prompt.value": "the dog apple", "experiment.data": labelled}
    answer = served.ask("accepted.data", given)
    assert answer is not None
    assert answer["accepted"]["data"]["experiment"]["prompt"]["labels"] == {"topic": "sport"}


def test_an_accepted_draft_is_model_and_prompt_and_leaves_everything_else_to_the_page(served: Page) -> None:
    answer = run(served, clean_prompt="the dog apple house the dog")
    assert set(answer["accepted"]["data"]["experiment"]) == {"model", "prompt"}
    assert answer["accepted"]["data"]["experiment"]["model"] == experiment()["model"]


def test_a_draft_that_is_on_screen_already_is_not_accepted_again(served: Page) -> None:
    answer = run(served, clean_prompt=PAIR.clean, corrupted_prompt=PAIR.corrupted)
    assert answer == {"refusal": {"data": None}}


def test_an_empty_prompt_is_refused(served: Page) -> None:
    assert "empty" in refusal(served, clean_prompt="  ")


def test_an_answer_of_two_tokens_is_refused_with_its_split(served: Page) -> None:
    said = refusal(served, answer=["river apple"])
    assert "river" in said
    assert "apple" in said


def test_prompts_of_different_length_are_refused_with_the_place(served: Page) -> None:
    said = refusal(served, corrupted_prompt="the river")
    assert "tokens" in said
    assert "position" in said


def test_a_prompt_over_the_limit_is_refused_with_both_numbers(served: Page) -> None:
    said = refusal(served, clean_prompt="the " * 2000, corrupted_prompt="")
    assert "limit" in said


def test_a_token_to_compare_with_needs_an_answer(served: Page) -> None:
    assert "choose the answer" in refusal(served, answer=[])


def test_drafts_that_are_no_text_are_refused_not_crashed(served: Page) -> None:
    assert "empty" in refusal(served, clean_prompt={"a": 1}, answer="x", incorrect_answer=7)


def tokens(answer: Any) -> Any:
    """What the page makes chips of."""
    return json.loads(answer["token-strip"]["children"]["props"]["data-tokens"])


def test_tokens_come_as_one_element_with_ids_and_bos(served: Page) -> None:
    answer = served.ask("token-strip.children", {"experiment.data": experiment(), "status.data": READY})
    assert answer is not None
    prompt = served.engine.read_prompt(SPEC, PAIR.clean)
    assert tokens(answer) == {"tokens": list(prompt.str_tokens), "ids": list(prompt.ids), "bos": prompt.bos}
    assert answer["token-count"]["children"] == str(len(prompt))


def test_tokens_and_provenance_say_of_which_experiment_they_are(served: Page) -> None:
    given = {"experiment.data": experiment() | {"number": 3}, "status.data": READY}
    assert served.ask("token-strip.children", given)["token-strip"]["className"] == "mt-tokens of-3"
    assert served.ask("provenance.children", given)["provenance"]["className"] == "mt-provenance of-3"


def test_tokens_of_what_is_no_experiment_are_words(served: Page) -> None:
    answer = served.ask("token-strip.children", {"experiment.data": {"model": 3}, "status.data": READY})
    assert answer is not None
    assert "not an experiment" in answer["token-strip"]["children"]["props"]["children"]


def difference(served: Page, clean: Any, corrupted: Any) -> Any:
    """What stands under the corrupted prompt."""
    given = {"clean-prompt.value": clean, "corrupted-prompt.value": corrupted}
    answer = served.ask("token-diff.children", {**given, "experiment.data": experiment(), "status.data": READY})
    assert answer is not None
    return answer["token-diff"]["children"]


def test_the_difference_shows_the_tokens_that_differ(served: Page) -> None:
    said, *rows = difference(served, "the river apple", "the dog apple")
    assert "1 of" in said["props"]["children"]
    marks = [part["props"]["children"] for part in rows[0]["props"]["children"] if isinstance(part, dict)]
    assert [mark.strip("·") for mark in marks[1:]] == ["river", "dog"]


def test_the_difference_of_unequal_lengths_says_where(served: Page) -> None:
    (said,) = difference(served, "the river apple", "the")
    assert "position" in said["props"]["children"]


def test_without_a_corrupted_prompt_there_is_no_difference(served: Page) -> None:
    assert difference(served, "the river", "") == []
    assert difference(served, 7, ["x"]) == []


@pytest.mark.parametrize("picker", ["answer", "incorrect-answer"])
def test_the_picker_finds_tokens_and_keeps_the_chosen(served: Page, picker: str) -> None:
    given = {f"{picker}.searchValue": "appl", f"{picker}.value": ["dog"], "experiment.data": experiment()}
    answer = served.ask(f"{picker}.data", given)
    assert answer is not None
    values = [choice["value"] for choice in answer[picker]["data"]]
    assert values[0] == "dog"
    assert "apple" in [value.strip() for value in values]


@pytest.mark.parametrize("picker", ["answer", "incorrect-answer"])
def test_the_picker_says_why_a_string_is_no_token(served: Page, picker: str) -> None:
    given = {f"{picker}.searchValue": "river apple", f"{picker}.value": 7, "experiment.data": experiment()}
    answer = served.ask(f"{picker}.data", given | {f"{picker}.value": []})
    assert answer is not None
    assert "river" in answer[picker]["nothingFoundMessage"]


def test_a_token_that_can_be_chosen_is_not_called_chosen(served: Page) -> None:
    given = {"answer.searchValue": "apple", "experiment.data": experiment()}
    found = [served.ask("answer.data", given | {"answer.value": chosen}) for chosen in ([], ["apple"])]
    assert [answer["answer-found"]["data"]["why"] for answer in found if answer] == ["", "Already chosen."]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0]["answer-found"]["data"]["query"] == "apple"
    assert "apple" in found[0]["answer-found"]["data"]["tokens"]
    assert "apple" not in found[1]["answer-found"]["data"]["tokens"]


def test_the_tokens_are_those_of_the_prompt_that_is_run(served: Page) -> None:
    given = {"experiment.data": experiment() | {"base": "corrupted"}, "status.data": READY}
    answer = served.ask("token-strip.children", given)
    assert answer is not None
    assert tokens(answer)["tokens"] == list(served.engine.read_prompt(SPEC, PAIR.corrupted or "").str_tokens)


def test_a_refusal_is_shown_and_goes_away(served: Page) -> None:
    shown = [served.ask("refusal-text.children", {"refusal.data": text}) for text in ("Too long.", None)]
    assert shown == [{"refusal-text": {"children": "Too long."}}, {"refusal-text": {"children": ""}}]


def test_before_the_page_has_opened_run_does_nothing(served: Page) -> None:
    assert served.ask("accepted.data", {"run.n_clicks": 1, **DRAFT, "experiment.data": None}) is None


def test_two_equal_prompts_are_called_the_same(served: Page) -> None:
    (said,) = difference(served, "the river", "the river")
    assert "the same" in said["props"]["children"]
