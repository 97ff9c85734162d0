"""Component lens: what components wrote, as a table of tokens with their logit contributions.

One row per component: the tokens that it promotes and suppresses most, its length, and what it adds to each chosen
token; below, what is not a row (others, interventions, bias) and the sum, which is the run's own logit against the
vocabulary's mean. Three significant digits, with sign. No colours. Refused in difference mode: the rows of two runs are
not of the same tokens.
"""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.lens_results import ComponentLensResult
from app.domain.views import Selection, Style
from app.figures.scales import short
from app.figures.theme import dress
from app.figures.tokens import label

NO_DIFFERENCE = "Tokens that components write are ranks, which have no difference; show one of the two runs."
_HEADINGS = ("", "promotes", "suppresses", "norm")
_TOKENS = 4
_LINE = 22


def component_lens_table(result: ComponentLensResult, style: Style, selection: Selection) -> go.Figure:
    """The result's rows."""
    if style.show == "difference":
        raise BadInput(NO_DIFFERENCE)
    lines = [_row(result, at) for at in range(len(result.component_labels))]
    lines += [_rest(name, values) for name, values in remainders(result)]
    align = ["left", "left", "left", *["right"] * (1 + len(result.tokens))]
    figure = go.Figure(go.Table(
        columnwidth=[30, 100, 100, 24, *[26] * len(result.tokens)],
        header={"values": [*_HEADINGS, *map(label, result.tokens)], "align": align, "height": 24},
        cells={"values": [list(column) for column in zip(*lines, strict=True)], "align": align, "height": _LINE},
    ))  # fmt: skip
    where = f"position {result.position} {label(result.str_tokens[result.position])}"
    title = f"What components write at {where}, as tokens, {result.provenance.model}"
    return dress(figure, "component-lens", title, style, dict.fromkeys("lrtb", 8))


def remainders(result: ComponentLensResult) -> list[tuple[str, NDArray[np.float32]]]:
    """What is no row, left out where it is nothing, and the sum."""
    rest = zip(result.remainder_labels, result.remainders, strict=True)
    found = [(name, values) for name, values in rest if name != "interventions" or np.abs(values).max(initial=0) > 1e-3]
    return [*found, ("logit", result.logits)]


def _row(result: ComponentLensResult, at: int) -> tuple[str, ...]:
    sides = (_ranked(getattr(result, f"{side}_tokens")[at], getattr(result, f"{side}_logits")[at])
             for side in ("promoted", "suppressed"))  # fmt: skip
    values = [short(float(value)) for value in result.token_logits[at]]
    return (result.component_labels[at], *sides, short(float(result.norm[at]), signed=False), *values)


def _rest(name: str, values: NDArray[np.float32]) -> tuple[str, ...]:
    return (f"<b>{name}</b>", "", "", "", *(short(float(value)) for value in values))


def _ranked(tokens: NDArray[np.str_], logits: NDArray[np.float32]) -> str:
    pairs = list(zip(tokens.tolist(), logits.tolist(), strict=True))[:_TOKENS]
    return "  ".join(f"{label(token, 14)} {short(logit)}" for token, logit in pairs)
