"""Results in a notebook, as app.domain.results.Drawing asks: tables, figures, and what a cell shows."""

import html
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from app.analyses import ANALYSES, Analysis
from app.domain.recipes import parse_recipe
from app.domain.results import Result
from app.domain.views import Selection, Style, View
from app.export.tables import with_provenance
from app.figures.caption import captioned

_ROWS = 8


def table(result: Result) -> pd.DataFrame:
    """The long table, with where its numbers come from."""
    return with_provenance(_analysis(result).table(result), result)


def figure(result: Result, selection: Any, style: dict[str, Any]) -> go.Figure:
    """With its title and the prompt, in the size of an export where `style` names none."""
    analysis, recipe = _analysis(result), parse_recipe(result.recipe)
    selected, sized = selection or Selection(), analysis.sized(Style(**style))
    return captioned(analysis.figure(result, sized, selected), View(recipe, sized, selected).prompt_named, sized)


def page(result: Result) -> str:
    """A line of what it is, one of how it was made, and the first rows of its table."""
    analysis, made, rows = _analysis(result), result.provenance, _analysis(result).table(result)
    how = f"{made.model}, {made.processing} weights, {made.dtype} on {made.device}; recipe {result.digest[:12]}"
    more = f"{len(rows):,} rows; <code>.table()</code> has them all, <code>.figure()</code> draws them."
    shown = rows.head(_ROWS).to_html(index=False)
    return f"<b>{analysis.title}</b><p>{html.escape(how)}</p>{shown}<p>{more}</p>"


def _analysis(result: Result) -> Analysis:
    return ANALYSES[parse_recipe(result.recipe).kind]
