"""Sets of prompt pairs: read from text, written as CSV, or made from a template with a seed.

Text is one of: CSV whose header names `clean,corrupted,answer,incorrect_answer` (any order, `clean` at least); lines
pasted from a spreadsheet, separated by tabs, with that header or with the columns in that order; a JSON list; JSON
lines. Several answers of one prompt are separated by `|` in cells (`\\|` is the sign itself) and are a list in JSON.
Every other column or field is a label of its prompt (app/domain/labels.py), and so is each in a JSON object `labels`.
Spaces count: most tokenisers make ` Mary` and `Mary` two tokens.
"""

import csv
import difflib
import io
import json
import random
import re
from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Any, cast

from app.domain.errors import BadPrompt
from app.domain.labels import one_line
from app.domain.prompts import COLUMNS, PromptPair, label_names, spoken

NAMES = (
    "Mary", "John", "Tom", "James", "Dan", "Sid", "Martin", "Amy", "Michael", "David", "Sarah", "Emma", "Robert",
    "Paul", "Mark", "Peter", "George", "Alice", "Anna", "Kate", "Laura", "Jane", "Richard", "Andrew", "Daniel",
    "Steven", "Jack", "Adam", "Alex", "Lisa", "Emily", "Rachel", "Maria", "Henry", "Charles", "William", "Thomas",
    "Joseph",
)  # fmt: skip
"""First names that are one token, with a space before, to GPT-2's and SmolLM2's tokenisers."""
WORDS = (
    " apple", " bird", " black", " blue", " boat", " book", " bread", " bridge", " cat", " chair", " child", " city",
    " cloud", " doctor", " dog", " door", " father", " field", " fire", " fish", " forest", " friend", " garden",
    " glass", " gold", " green", " heart", " horse", " house", " iron", " king", " leaf", " market", " moon",
    " mother", " music", " night", " paper", " queen", " rain", " red", " river", " road", " salt", " sea", " ship",
    " snow", " song", " star", " stone", " sun", " table", " train", " tree", " water", " white", " wind",
)  # fmt: skip
"""Common words that are one token, with a space before, to the same tokenisers."""
_SENTENCES = (
    "When {} and {} went to the shops,{{}} gave the bag to",
    "When {} and {} went to the park,{{}} gave the ball to",
    "When {} and {} went to the shops,{{}} gave an apple to",
    "After {} and {} went to the park,{{}} gave a drink to",
)
_DEMO = (
    (_SENTENCES[0].format("John", "Mary"), "Mary", "John"),
    (_SENTENCES[1].format("Tom", "James"), "Tom", "James"),
    (_SENTENCES[2].format("Dan", "Sid"), "Dan", "Sid"),
    (_SENTENCES[3].format("Martin", "Amy"), "Martin", "Amy"),
)
_ONE_ANSWER = re.compile(r"(?:\\[\\|]|[^|])+")
_GIVE = f"give {', '.join(COLUMNS)} (clean is needed, the others may be left out)"


def parse_prompts(text: str) -> tuple[PromptPair, ...]:
    """The prompts in a text of any of the four kinds; a refusal names the row and says what to change."""
    text = text.removeprefix("\ufeff").strip("\r\n")
    read = {"[": _from_json_list, "{": _from_json_lines}.get(text.lstrip()[:1], _from_cells)
    found = read(text)
    if not found:
        raise BadPrompt(f"There are no prompts in this text; {_GIVE}.")
    label_names(found)
    return found


def to_csv(prompts: Iterable[PromptPair]) -> str:
    """CSV with a header; `parse_prompts` reads equal prompts from it."""
    pairs = tuple(prompts)
    names = label_names(pairs)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*COLUMNS, *names))
    for pair in pairs:
        cells = (pair.clean, pair.corrupted or "", _joined(pair.answer), _joined(pair.incorrect_answer))
        labels = dict(pair.labels)
        writer.writerow((*cells, *(labels.get(name, "") for name in names)))
    return out.getvalue()


def to_jsonl(prompts: Iterable[PromptPair]) -> str:
    """One JSON object per line; `parse_prompts` reads equal prompts from it, and recipes take them as they are."""
    return "".join(json.dumps(spoken(pair), ensure_ascii=False) + "\n" for pair in prompts)


def _from_json_list(text: str) -> tuple[PromptPair, ...]:
    entries = cast(list[Any], _json(text, "The text"))
    return tuple(_from_json(entry, f"Entry {number}") for number, entry in enumerate(entries, 1))


def _from_json_lines(text: str) -> tuple[PromptPair, ...]:
    lines = ((f"Line {number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip())
    return tuple(_from_json(_json(line, where), where) for where, line in lines)


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadPrompt(f"{where} is not JSON: {error.msg} at character {error.pos + 1}; correct it there.") from error
    except (RecursionError, ValueError) as error:  # lists in lists without end, numbers of thousands of digits
        raise BadPrompt(f"{where} is JSON that holds no prompts ({error}); {_GIVE}.") from error


def _from_json(entry: Any, where: str) -> PromptPair:
    """A string is a clean prompt; answers may be one string or a list."""
    given: Any = {"clean": entry} if isinstance(entry, str) else entry
    if not isinstance(given, dict):
        raise BadPrompt(f"{where} is {json.dumps(entry)}, which is no prompt; {_GIVE}.")
    values = cast(dict[str, Any], given)
    _meant(values, where)
    for name in COLUMNS[:2]:
        if not isinstance(values.get(name), str | None):
            raise BadPrompt(f"{where}: {name} is {json.dumps(values[name])}; give it as text in quotes.")
    answers = _answers(values, "answer", where), _answers(values, "incorrect_answer", where)
    return _pair(values, *answers, _labels(values, where), where)


def _labels(values: dict[str, Any], where: str) -> dict[str, str]:
    """Numbers as JSON writes them; null is no label."""
    given = {name: value for name, value in values.items() if name not in COLUMNS}
    if isinstance(given.get("labels"), dict):
        given = given.pop("labels") | given
    for name, value in given.items():
        if isinstance(value, list | dict):
            raise BadPrompt(f"{where}: the label {name!r} is {json.dumps(value)}; give one text or number.")
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
            if value is not None}  # fmt: skip


def _answers(values: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    given: Any = values.get(name) or ()
    listed = cast(Sequence[Any], (given,) if isinstance(given, str) else given)
    if not isinstance(listed, list | tuple) or any(not isinstance(each, str) for each in listed):
        raise BadPrompt(f"{where}: {name} is {json.dumps(given)}; give a text in quotes, or a list of them.")
    return tuple(cast(Sequence[str], listed))


def _from_cells(text: str) -> tuple[PromptPair, ...]:
    """CSV, or what a spreadsheet copies."""
    delimiter = "\t" if "\t" in text.split("\n", 1)[0] else ","
    read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(number, row) for number, row in enumerate(read, 1) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadPrompt(
            f"Line {read.line_num} cannot be read ({error}); look for a quote that is not closed."
        ) from error
    names = [_named(cell) for cell in rows[0][1]] if rows else []
    if "clean" in names:
        _meant(names, "The header")
        return tuple(_from_row(names, row, f"Row {number}") for number, row in rows[1:])
    if rows and delimiter == ",":
        raise BadPrompt(f"The first row is no header: {','.join(rows[0][1])!r}; begin with {','.join(COLUMNS)}.")
    return tuple(_from_row(COLUMNS, row, f"Row {number}") for number, row in rows)


def _from_row(names: Sequence[str], row: list[str], where: str) -> PromptPair:
    if len(row) > len(names):
        raise BadPrompt(
            f"{where} has {len(row)} cells for {len(names)} columns: {row[-1]!r} is too many; put quotes around a text "
            "that contains the separator."
        )
    values = dict(zip(names, row, strict=False))
    answers = _split(values.get("answer", "")), _split(values.get("incorrect_answer", ""))
    return _pair(values, *answers, {name: values[name] for name in values if name not in COLUMNS}, where)


def _named(cell: str) -> str:
    """A column's name as it is read; of labels capitals stay."""
    name = one_line(cell)
    return name.lower() if name.lower() in COLUMNS else name


def _meant(names: Iterable[str], where: str) -> None:
    """Refuse names that come twice or none, and what is a slip of the pen rather than a label."""
    listed = list(names)
    for at, name in enumerate(listed):
        if not name or name in listed[:at]:
            raise BadPrompt(f"{where} names {name!r} {'twice' if name else 'as a column'}; give each column one name.")
        near = difflib.get_close_matches(name.lower(), COLUMNS, 1, 0.8)
        if name not in COLUMNS and near:
            raise BadPrompt(f"{where} names {name!r}; write {near[0]}, or give a label a name of its own.")


def _pair(
    values: dict[str, Any],
    answer: tuple[str, ...],
    incorrect_answer: tuple[str, ...],
    labels: dict[str, str],
    where: str,
) -> PromptPair:
    """Labels without a value are none."""
    said = tuple((one_line(name), one_line(value)) for name, value in labels.items() if value.strip())
    try:
        return PromptPair(values.get("clean") or "", values.get("corrupted") or None, answer, incorrect_answer, said)
    except BadPrompt as error:
        raise BadPrompt(f"{where}: {error}") from error


def _split(cell: str) -> tuple[str, ...]:
    return tuple(re.sub(r"\\([\\|])", r"\1", part) for part in _ONE_ANSWER.findall(cell))


def _joined(answers: tuple[str, ...]) -> str:
    return "|".join(re.sub(r"([\\|])", r"\\\1", answer) for answer in answers)


def ioi(count: int, seed: int = 0, names: Sequence[str] = NAMES) -> tuple[PromptPair, ...]:
    """Indirect object identification (Wang et al. 2022, https://arxiv.org/abs/2211.00593): `When John and Mary went to
    the shops, John gave the bag to` -> ` Mary`, not ` John`. Corrupted: the other name is the one who gives.

    The first eight are those of TransformerLens' Exploratory Analysis demo: four sentences, either name as the giver.
    Then come the same sentences with random two of `names`, again with either as the giver.
    """
    drawn = [(s.format(a, b), a, b) for s in _SENTENCES for a, b in permutations(names, 2)]
    random.Random(seed).shuffle(drawn)
    known = {sentence for sentence, *_ in _DEMO}
    made = [*_DEMO, *(each for each in drawn if each[0] not in known)]
    if not 1 <= count <= 2 * len(made):
        raise BadPrompt(f"count={count} cannot be made of {len(names)} names; ask for 1 to {2 * len(made)}.")
    both = [(sentence, *order) for sentence, a, b in made for order in ((a, b), (b, a))]
    return tuple(
        PromptPair(sentence.format(f" {giver}"), sentence.format(f" {answer}"), (f" {answer}",), (f" {giver}",))
        for sentence, answer, giver in both[:count]
    )


def induction(count: int, seed: int = 0, words: Sequence[str] = WORDS, length: int = 6) -> tuple[PromptPair, ...]:
    """A segment of `length` random different words whose first half comes again: `a b c d e f a b c` -> ` d`.

    Corrupted: the answer and a later word of the segment change places, so that both prompts contain the same words
    and have the other one's answer. Words that begin with a space are strung together as they are; others are
    separated by spaces. Each should be one token of the model. Where words are few, a prompt can come twice.
    """
    if length < 3 or len(set(words)) < length:
        raise BadPrompt(
            f"length={length} of {len(set(words))} words cannot be made; it takes 3 or more, all different."
        )
    if count < 1:
        raise BadPrompt(f"count={count} is no prompt; ask for 1 or more.")
    choose = random.Random(seed)
    return tuple(_repeated(choose, choose.sample(sorted(set(words)), length)) for _ in range(count))


def _repeated(choose: random.Random, segment: list[str]) -> PromptPair:
    """The answer follows the repeated half; `other` is where it is swapped to."""
    at = len(segment) // 2
    other = choose.randrange(at + 1, len(segment))
    swapped = [*segment]
    swapped[at], swapped[other] = segment[other], segment[at]
    between = "" if segment[0][:1].isspace() else " "
    clean, corrupted = (between.join([*words, *segment[:at]]) for words in (segment, swapped))
    return PromptPair(clean, corrupted, (segment[at],), (segment[other],))
