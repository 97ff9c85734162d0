"""The prompt set's dialog: what holds is handed to the reducer, what does not is said with its number."""

import base64
from typing import Any

import pytest

from app.domain.prompt_sets import parse_prompts
from app.domain.prompts import PromptPair
from tests.wire.page import PAIR, Page, experiment

TEXT = (
    "clean,corrupted,answer,incorrect_answer\n"
    "the river apple house the river,the dog apple house the dog,apple,dog\n"
    "the dog sun moon,the cat sun moon,dog,cat\n"
)


def read(served: Page, text: Any, by: str = "prompts-replace") -> Any:
    given = {f"{by}.n_clicks": 1, "prompts-text.value": text, "experiment.data": experiment()}
    return served.ask("prompts-read.data", given, f"{by}.n_clicks")


def refusal(served: Page, text: Any) -> str:
    answer = read(served, text)
    assert "prompts-read" not in answer
    return answer["prompts-refusal"]["children"]


def test_further_columns_are_labels(served: Page) -> None:
    answer = read(served, "clean,topic\nthe dog sun moon,sky\nthe river,\n")
    assert [prompt.get("labels") for prompt in answer["prompts-read"]["data"]["prompts"]] == [{"topic": "sky"}, None]


def test_prompts_that_hold_are_handed_to_the_page(served: Page) -> None:
    answer = read(served, TEXT)
    prompts = answer["prompts-read"]["data"]["prompts"]
    assert [prompt["clean"] for prompt in prompts] == ["the river apple house the river", "the dog sun moon"]
    assert prompts[1]["answer"] == ["dog"]
    assert (answer["prompts-read"]["data"]["add"], answer["prompts-refusal"]["children"]) == (False, None)
    assert read(served, TEXT, "prompts-add")["prompts-read"]["data"]["add"] is True


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("the dog,the cat sun,dog,cat", ["Prompt 2 (the dog)", "3 tokens", "4"]),
        ("the dog,the cat,river apple,cat", ["Prompt 2", "river"]),
        ("the elephant,,,", ["Prompt 2", "elephant", "not in the vocabulary"]),
        ("the dog,the cat,,dog", ["Prompt 2", "choose the answer"]),
        ("a,b,c,d,e", ["Row 4", "too many"]),
    ],
)
def test_a_prompt_that_does_not_hold_is_named(served: Page, row: str, words: list[str]) -> None:
    said = refusal(served, f"{TEXT}{row}\n")
    assert [word for word in words if word not in said] == []


def test_prompts_that_do_not_hold_are_all_named_and_of_many_the_first_five(served: Page) -> None:
    lines = refusal(served, TEXT + "the elephant,,,\n" * 2 + "the dog,,,\n").split("\n")
    assert lines[0] == "2 of 5 prompts do not hold."
    assert [line[:8] for line in lines[1:]] == ["Prompt 2", "Prompt 3"]
    assert refusal(served, "clean\n" + "the elephant\n" * 7).split("\n")[-1] == "… and 2 more."


def test_text_that_is_none_is_refused_in_words(served: Page) -> None:
    assert "no prompts" in refusal(served, "")
    assert "no prompts" in refusal(served, 7)


def test_more_prompts_than_a_set_holds_are_refused(served: Page) -> None:
    assert "1001 prompts" in refusal(served, "clean\n" + "the dog\n" * 1001)


def fill(served: Page, by: str, **values: Any) -> Any:
    given = {"template.value": "induction", "template-count.value": 3, "template-seed.value": 1, **values}
    prop = "contents" if by == "prompts-upload" else "n_clicks"
    given = {f"{by}.{prop}": 1, **given, "experiment.data": experiment()}
    return served.ask("prompts-text.value", given, f"{by}.{prop}")


def test_the_induction_template_fills_in_words_that_this_model_reads_as_single_tokens(served: Page) -> None:
    text = fill(served, "template-fill")["prompts-text"]["value"]
    assert len(parse_prompts(text)) == 3
    assert "prompts-read" in read(served, text)
    assert fill(served, "template-fill")["prompts-text"]["value"] == text


def test_the_ioi_template_is_refused_where_no_name_is_a_token(served: Page) -> None:
    answer = fill(served, "template-fill", **{"template.value": "ioi"})
    assert "names" in answer["prompts-refusal"]["children"]
    assert "prompts-text" not in answer


@pytest.mark.parametrize("wrong", [None, -1, 2.5, "many", 100_000])
def test_a_count_that_is_none_is_refused(served: Page, wrong: Any) -> None:
    assert "prompts-text" not in fill(served, "template-fill", **{"template-count.value": wrong})


def test_the_present_set_becomes_text_that_reads_as_the_same_prompts(served: Page) -> None:
    text = fill(served, "prompts-current")["prompts-text"]["value"]
    assert parse_prompts(text) == (PAIR,)


def test_a_file_becomes_text(served: Page) -> None:
    contents = "data:text/csv;base64," + base64.b64encode(TEXT.encode()).decode()
    answer = fill(served, "prompts-upload", **{"prompts-upload.contents": contents})
    assert answer["prompts-text"]["value"] == TEXT


@pytest.mark.parametrize("sent", ["data:image/png;base64,iVBORw0KGgo=", "data:;base64,***", "data:;base64,/w=="])
def test_a_file_that_is_no_text_is_refused(served: Page, sent: str) -> None:
    answer = fill(served, "prompts-upload", **{"prompts-upload.contents": sent})
    assert "UTF-8" in answer["prompts-refusal"]["children"]


def test_a_file_over_the_limit_is_refused_with_both_numbers(served: Page) -> None:
    contents = "data:;base64," + base64.b64encode(b"x" * 2_000_001).decode()
    said = fill(served, "prompts-upload", **{"prompts-upload.contents": contents})["prompts-refusal"]["children"]
    assert "2000001" in said
    assert "2000000" in said


def test_the_set_is_downloaded_as_csv(served: Page) -> None:
    other = PromptPair("the dog", "the cat", ("dog",), ("cat",), (("topic", "pets"),))
    spoken = experiment()
    store = spoken | {"prompts": [spoken["prompt"], experiment(other)["prompt"]]}
    wanted = next(d for d in served.dependencies if d["inputs"][0]["id"] == "prompts-csv")
    file, corner = wanted["output"].strip(".").split("...")
    answer = served.ask(file, {"prompts-csv.n_clicks": 1, "experiment.data": store})
    assert answer is not None
    (sent,) = [props["data"] for props in answer.values()]
    assert sent["filename"] == "prompts.csv"
    assert parse_prompts(sent["content"]) == (PAIR, other)
    refused = served.ask(corner, {"prompts-csv.n_clicks": 1, "experiment.data": 7})
    assert refused is not None
    assert "instead of its state" in refused["notifications"]["sendNotifications"][0]["message"]


def test_a_set_that_is_too_long_to_travel_is_refused_with_both_numbers(served: Page) -> None:
    said = refusal(served, "clean\n" + ("the" * 30_000 + "\n") * 12)
    assert "1080000 characters" in said
    assert "1000000" in said
