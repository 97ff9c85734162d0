"""Prompt sets: what is pasted is what is read, templates repeat with their seed, refusals name the row."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BadPrompt
from app.domain.prompt_sets import induction, ioi, parse_prompts, to_csv, to_jsonl
from app.domain.prompts import PromptPair

PAIR = PromptPair("Mary, and John", "Mary and Mary", (" Mary", "Mary"), (" John",))
WORDS = ("river", "apple", "house", "dog", "sun", "moon", "tree")

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))).filter(str.strip)
answers = st.lists(st.text(st.sampled_from("ab |\\,\"'\té"), min_size=1), max_size=3).map(tuple)
values = st.text("ab1. ,|é\"'", min_size=1, max_size=5).map(lambda text: " ".join(text.split())).filter(bool)
names = st.sampled_from(["topic", "Level 2", "labels", "x|y"])
labels = st.dictionaries(names, values, max_size=3).map(lambda found: tuple(found.items()))
pairs = st.builds(PromptPair, texts, st.none() | texts, answers, answers, labels)


def as_said(pair):
    """A table gives its labels in the order of its columns."""
    return replace(pair, labels=()), dict(pair.labels)


@given(st.lists(pairs, min_size=1, max_size=4).map(tuple))
def test_prompts_come_back_from_csv_and_from_json_lines_as_they_were(prompts):
    assert [as_said(pair) for pair in parse_prompts(to_csv(prompts))] == [as_said(pair) for pair in prompts]
    assert parse_prompts(to_jsonl(prompts)) == prompts
    assert parse_prompts(json.dumps([json.loads(line) for line in to_jsonl(prompts).split("\n") if line])) == prompts


@pytest.mark.parametrize(
    "text",
    [
        '\ufeffanswer,clean,incorrect_answer,corrupted\r\n Mary|Mary,"Mary, and John", John,Mary and Mary\r\n',
        "Mary, and John\tMary and Mary\t Mary|Mary\t John\n\n",
        "Clean\tAnswer\tIncorrect_answer\tCorrupted\nMary, and John\t Mary|Mary\t John\tMary and Mary\n\t\t\t",
        '{"clean": "Mary, and John", "corrupted": "Mary and Mary", '
        '"answer": [" Mary", "Mary"], "incorrect_answer": " John"}',
    ],
    ids=["csv", "tabs", "tabs with a header", "json"],
)
def test_every_kind_of_text_gives_the_same_prompt(text):
    assert parse_prompts(text) == (PAIR,)


def test_only_the_clean_prompt_is_needed():
    alone = (PromptPair("a b"),)
    for text in ("clean\na b", "a b\t\t", '["a b"]', '{"clean": "a b", "corrupted": null}'):
        assert parse_prompts(text) == alone


@pytest.mark.parametrize(
    "text",
    [
        "clean,Topic,level\na b, two  words ,2\nc,,",
        "clean\tTopic\tlevel\na b\ttwo words\t2\nc",
        '{"clean": "a b", "labels": {"Topic": "two words"}, "level": 2}\n{"clean": "c", "Topic": null, "level": ""}',
    ],
    ids=["csv", "tabs", "json"],
)
def test_what_a_prompt_has_beside_text_and_answers_are_its_labels(text):
    assert parse_prompts(text) == (PromptPair("a b", labels=(("Topic", "two words"), ("level", "2"))), PromptPair("c"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" \n", "no prompts in this text; give clean, corrupted, answer, incorrect_answer"),
        ("clean,answer\n", "no prompts"),
        ("When Mary,and John", "first row is no header: 'When Mary,and John'; begin with clean,corrupted"),
        ("clean,anwser\na,b", "The header names 'anwser'; write answer, or give a label a name of its own"),
        ("clean,topic,topic\na,b,c", "The header names 'topic' twice"),
        ("clean,,x\na,b,c", "The header names '' as a column"),
        ("clean," + ",".join("abcdefghi") + "\n" + "1," * 9 + "1", "have 9 labels .*8 are kept; leave columns out"),
        ("clean,topic\na," + "b" * 81, "Row 2: The label 'topic' has 81 characters .* 80 are kept; shorten it"),
        ('{"clean": "a", "weight": [1]}', r"Line 1: the label 'weight' is \[1\]; give one text or number"),
        ("clean,answer\na,b\nWhen Mary, John,c", "Row 3 has 3 cells for 2 columns: 'c' is too many; put quotes"),
        ("a\tb\nc\td\te\tf\tg", "Row 2 has 5 cells for 4 columns"),
        ("clean,corrupted\nx,y\n ,b", "Row 3: The clean prompt is empty"),
        ('["a", 3]', "Entry 2 is 3, which is no prompt"),
        ('[{"clean": 3}]', "Entry 1: clean is 3; give it as text"),
        ('[{"clean": "a", "answer": [1]}]', r"Entry 1: answer is \[1\]; give a text in quotes, or a list"),
        ('[{"clean": "a", "answer": {"b": 1}}]', "Entry 1: answer is"),
        ('{"clean": "a"}\n{"clean": "b"', "Line 2 is not JSON: .* at character 14"),
        ("[1, 2", "The text is not JSON"),
    ],
)
def test_a_refusal_names_the_row_what_was_given_and_what_to_do(text, words):
    with pytest.raises(BadPrompt, match=words):
        parse_prompts(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "is JSON that holds no prompts .*; give clean"),
        ('[{"clean": ' + "[" * 100_000, "is JSON that holds no prompts"),
        ("[" + "1" * 5_000 + "]", "is JSON that holds no prompts"),
        ("clean\n" + "a" * 131_073, "Line 2 cannot be read .*limit"),
        ('clean,answer\n"a,b\n' + "c,d\n" * 50_000, "a quote that is not closed"),
    ],
    ids=["deep list", "deep value", "many digits", "long cell", "open quote"],
)
def test_text_that_no_reader_can_take_in_is_refused(text, words):
    with pytest.raises(BadPrompt, match=words):
        parse_prompts(text)


def test_the_first_eight_ioi_prompts_are_those_of_the_exploratory_analysis_demo():
    found = ioi(8)
    assert [pair.answer + pair.incorrect_answer for pair in found] == [
        (" Mary", " John"), (" John", " Mary"), (" Tom", " James"), (" James", " Tom"),
        (" Dan", " Sid"), (" Sid", " Dan"), (" Martin", " Amy"), (" Amy", " Martin"),
    ]  # fmt: skip
    assert [found[0].clean, found[3].clean, found[4].clean, found[7].clean] == [
        "When John and Mary went to the shops, John gave the bag to",
        "When Tom and James went to the park, Tom gave the ball to",
        "When Dan and Sid went to the shops, Sid gave an apple to",
        "After Martin and Amy went to the park, Martin gave a drink to",
    ]
    neighbours = [found[number ^ 1].clean for number in range(8)]  # the demo corrupts by swapping neighbours
    assert [pair.corrupted for pair in found] == neighbours


def test_a_seed_gives_the_same_prompts_again_and_no_prompt_twice():
    assert ioi(60, seed=3) == ioi(60, seed=3) != ioi(60, seed=4)
    assert len({pair.clean for pair in ioi(60, seed=3)}) == 60
    assert induction(5, 1, WORDS) == induction(5, 1, WORDS[::-1]) != induction(5, 2, WORDS)


def test_the_names_of_ioi_are_those_asked_for_after_the_first_eight():
    used = {name for pair in ioi(16, names=("Ada", "Bo"))[8:] for name in pair.answer}
    assert used == {" Ada", " Bo"}
    with pytest.raises(BadPrompt, match="count=25 cannot be made of 2 names; ask for 1 to 24"):
        ioi(25, names=("Ada", "Bo"))


def test_the_answer_of_an_induction_prompt_followed_the_last_word_before():
    for pair in induction(20, 0, WORDS, 5):
        for prompt, (answer,) in ((pair.clean, pair.answer), (pair.corrupted or "", pair.incorrect_answer)):
            words = prompt.split()
            assert words[words.index(words[-1]) + 1] == answer
        assert sorted(pair.clean.split()) == sorted((pair.corrupted or "").split())


def test_words_that_bring_their_space_are_strung_together_as_they_are():
    (pair,) = induction(1, 0, (" a", " b", " c"), 3)
    assert sorted(pair.clean.split(" ")) == ["", *sorted(pair.clean.split())]
    assert pair.answer[0].startswith(" ")


@pytest.mark.parametrize(("words", "length"), [(("a", "b"), 3), (("a", "b", "c"), 2), (("a", "a", "b"), 3)])
def test_a_segment_without_enough_different_words_is_refused(words, length):
    with pytest.raises(BadPrompt, match=f"length={length} of 2 words|length=2 of 3 words"):
        induction(1, 0, words, length)
