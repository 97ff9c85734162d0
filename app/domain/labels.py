"""Labels of prompts: what their author knows about them, such as `topic` = `sport`. They change no number; what is
drawn per prompt is coloured and grouped by them.

A name and its values are text of one line. A label whose every value is a number counts as one. Elsewhere a label goes
by `label:topic`, so that it is never taken for a column, quantity or group of the program's own.
"""

import functools
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field, PlainSerializer

from app.domain.errors import BadPrompt

MOST_LABELS = 8
"""Names, of a prompt and of a set."""
MOST_NAME = 40
MOST_VALUE = 80
"""Characters."""
PREFIX = "label:"


def _as_pairs(given: Any) -> Any:
    """An object of JSON as pairs."""
    return tuple(cast(Mapping[Any, Any], given).items()) if isinstance(given, Mapping) else given


Labels = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_as_pairs),
    PlainSerializer(dict, return_type=dict[str, str]),
    Field(exclude_if=lambda labels: not labels),
]
"""(name, value) each. An object as JSON, left out where there are none: prompts without labels are written as ever."""


def one_line(text: str) -> str:
    """Text with single spaces in it and none around it."""
    return " ".join(text.split())


def check_labels(labels: Iterable[tuple[str, str]], taken: Iterable[str]) -> None:
    """Refuse names that are taken, come twice, or are too many, and text that is empty or too long."""
    names = [name for name, _ in labels]
    for name, value in labels:
        _check_text(name, MOST_NAME, "The name of a label")
        _check_text(value, MOST_VALUE, f"The label {name!r}")
    wrong = [name for at, name in enumerate(names) if name.lower() in taken or name in names[:at]]
    if wrong:
        raise BadPrompt(f"A label is named {wrong[0]!r}, which the prompt has already; give it another name.")
    check_count(names)


def check_count(names: Iterable[str]) -> None:
    """Refuse more names than can be chosen from."""
    found = tuple(dict.fromkeys(names))
    if len(found) > MOST_LABELS:
        raise BadPrompt(
            f"The prompts have {len(found)} labels ({', '.join(found[:3])}, …), and {MOST_LABELS} are kept; leave "
            "columns out."
        )


def _check_text(text: str, most: int, what: str) -> None:
    if not text or text != one_line(text):
        raise BadPrompt(f"{what} is {text!r}; give one line of text without spaces around it.")
    if len(text) > most:
        raise BadPrompt(f"{what} has {len(text)} characters ({text[:20]!r}…), and {most} are kept; shorten it.")


@functools.lru_cache(maxsize=8)
def labels_of(recipe: str) -> dict[str, tuple[str, ...]]:
    """`label:topic` -> its value of every prompt of a recipe as JSON text, empty where a prompt has none."""
    given = [prompt.get("labels", {}) for prompt in json.loads(recipe)["prompts"]]
    names = dict.fromkeys(name for labels in given for name in labels)
    return {f"{PREFIX}{name}": tuple(str(labels.get(name, "")) for labels in given) for name in names}


def in_order(values: Iterable[str]) -> list[str]:
    """Each value that there is once: numbers ascending, others with the most frequent first, then as they come."""
    counts = Counter(value for value in values if value)
    numbers = as_numbers(counts)
    if numbers is None:
        return [value for value, _ in counts.most_common()]
    return [value for _, value in sorted(zip(numbers, counts, strict=True))]


def as_numbers(values: Iterable[str]) -> list[float] | None:
    """Values as numbers, NaN for empty ones; None where one is no finite number, or all are empty."""
    given = list(values)
    try:
        found = [float(value) if value else math.nan for value in given]
    except ValueError:
        return None
    finite = all(math.isfinite(number) for number, value in zip(found, given, strict=True) if value)
    return found if finite and any(given) else None
