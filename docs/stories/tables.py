"""The tables of number-agreement.md, from its numbers."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from docs.stories import number_agreement as story
from docs.stories.measured import Numbers, mean


def plus_minus(found: Numbers) -> str:
    """`+8.80 ± 0.62`"""
    return f"{found['mean']:+.2f} ± {found['error']:.2f}"


def span(values: list[float]) -> str:
    """`−0.21 … +0.49`"""
    return f"{min(values):+.2f} … {max(values):+.2f}"


def table(head: list[str], rows: list[list[Any]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def behaviour_table(found: Numbers) -> str:
    rows = [[name, plus_minus(row["plural"]), plus_minus(row["singular"]), f"{row['correct']} / {row['n']}"]
            for name, row in found.items()]  # fmt: skip
    return table(["the subject stands", "plural prompts", "singular prompts", "correct"], rows)


def layers_table(found: list[Numbers]) -> str:
    def cells(row: Numbers) -> list[str]:
        return [f"{row['auc']:.2f}", plus_minus(row["steered"]), span(row["placebos"])]

    at = {(row["place"], row["layer"]): row for row in found}
    rows = [[layer, *cells(at["subject", layer]), *cells(at["END", layer])] for layer in story.LAYERS]
    head = ["layer", "subject: AUC", "steered", "placebos", "END: AUC", "steered", "placebos"]
    return table(head, rows)


def probes_table(found: Numbers) -> str:
    rows = [[name, f"{row['held_out_accuracy']:.1%}", f"{row['control_accuracy']:.1%}", f"{row['n_held_out']:.0f}"]
            for name, row in found.items()]  # fmt: skip
    return table(["probe", "held-out accuracy", "with shuffled labels", "held-out samples"], rows)


def curves_table(found: Numbers) -> str:
    rows = []
    for at, times in enumerate(story.TIMES):
        row: list[Any] = [f"{times:+g}"]
        for name in ("singular", "plural"):
            one = found[name]
            row += [plus_minus(mean(np.array(one["values"][at]))), span(one["placebo"][at]), f"{one['kl'][at]:.2f}"]
        rows.append(row)
    head = ["strength", "singular prompts", "placebos", "KL", "plural prompts", "placebos", "KL"]
    return table(head, rows)


def said(text: str) -> str:
    """As one cell of a table."""
    return "`" + text.strip().replace("\n", "⏎").replace("|", "¦") + "`"


def texts_table(found: Numbers) -> str:
    rows = [[f"{times:+g}", *(said(found[name]["texts"][at]) for name in ("singular", "plural"))]
            for at, times in enumerate(story.TIMES)]  # fmt: skip
    return table(["strength", f"after *{story.TESTS[0].corrupted}*", f"after *{story.TESTS[0].clean}*"], rows)


def everywhere_table(found: Numbers) -> str:
    own = found["everywhere"]
    rows = [[f"{times:+g}", f"{kl:.2f}", said(text)]
            for times, kl, text in zip(story.TIMES, own["kl"], own["texts"], strict=True)]  # fmt: skip
    return table(["strength", "KL", f"after *{story.TESTS[0].corrupted}*"], rows)


def changed_table(found: Numbers) -> str:
    rows = []
    for name, row in found.items():
        placebos = [each["apart"]["mean"] for each in row["placebos"]]
        correct = [each["correct"] for each in row["placebos"]]
        own = row["direction"]
        rows.append([name, plus_minus(own["apart"]), span(placebos), f"{own['correct']} / {own['n']}",
                     f"{min(correct)} … {max(correct)}"])  # fmt: skip
    return table(["change", "plural − singular prompts", "placebos", "correct", "placebos"], rows)


def written_table(found: Numbers) -> str:
    looks = found["looks"]
    rows = [[name, plus_minus(row), f"{looks[name]:.0%}" if name in looks else ""]
            for name, row in found["writers"].items()]  # fmt: skip
    rows.append(["all components", plus_minus(found["apart"]), ""])
    return table(["writer", "plural − singular prompts", "its attention from END to the subject"], rows)


def read_table(found: Numbers) -> str:
    return table(["reader", "z", "norm (1 = as of a random direction)"],
                 [[name, f"{row['z']:.1f}", f"{row['norm']:.2f}"] for name, row in found.items()])  # fmt: skip


def compared_table(found: Numbers) -> str:
    return table(["direction", "cosine"], [[name, f"{value:+.3f}"] for name, value in found["cosines"].items()])


TABLES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "behaviour": ("behaviour", behaviour_table), "layers": ("layers", layers_table),
    "probes": ("probes", probes_table), "curves": ("curves", curves_table), "texts": ("curves", texts_table),
    "everywhere": ("curves", everywhere_table),
    "changed": ("changed", changed_table), "written": ("written", written_table), "read": ("read", read_table),
    "compared": ("compared", compared_table),
}  # fmt: skip
"""Marker in the page -> the part of the numbers, and how it is written."""


def filled(page: str, numbers: Numbers) -> str:
    """The page with every table between its markers made anew."""
    for name, (part, write) in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        page = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{write(numbers[part])}\n{end}", page, flags=re.S)  # noqa: B023
    return page
