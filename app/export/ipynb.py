"""Programs as the cells of a notebook, each under a heading; a cell needs none of those before it."""

import json
from collections.abc import Sequence


def notebook(title: str, programs: Sequence[tuple[str, str]]) -> str:
    """Jupyter's format 4.5; `programs` are (heading, text)."""
    cells = [_cell("title", "markdown", f"# {title}")]
    for at, (heading, text) in enumerate(programs):
        cells += [_cell(f"heading-{at}", "markdown", f"## {heading}"), _cell(f"program-{at}", "code", text)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    return json.dumps(book, indent=1, ensure_ascii=False)


def _cell(name: str, kind: str, text: str) -> dict[str, object]:
    cell: dict[str, object] = {"id": name, "cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})
