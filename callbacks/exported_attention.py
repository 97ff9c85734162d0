"""What the panels of the *Attention* workspace hold, for the export menus."""

from dataclasses import replace
from typing import Any

import pandas as pd

from app.domain.attention_results import AttentionWeightsResult
from app.domain.head_quantities import quantities_of
from app.domain.head_results import HeadTokensResult
from app.domain.recipes import AnyRecipe
from app.domain.results import AttentionPatternResult, Result
from app.domain.sites import Head
from app.domain.views import Style
from app.figures.attention_reading import reading_rows
from app.figures.attention_thumbnails import thumbnails_size
from app.figures.head_card import card_size, card_table
from app.figures.tables import long_table
from callbacks.attention_beside import WEIGHTS, other_of, unweighted
from callbacks.exported_source import Page, Source, single
from callbacks.head_card import BACKGROUND, OF_MODEL, STATISTICS, card, found_effects, found_of_model, of_model
from callbacks.head_reading import KIND as READING
from callbacks.head_reading import options_of, reading_of
from callbacks.heads import recipe_of
from callbacks.reading import Refused
from layouts import ids
from layouts.workspaces import SELECT_CARD

TOKENS = "head_tokens"
MOST_ROWS = 5_000_000
TOO_MANY_ROWS = (
    "A table of {:,} rows, one per query and key of {:,} tokens, is more than the {:,} that a table may have; export "
    "the recipe and compute it apart (python -m app compute), or shorten the prompt."
)


def _attention_style(page: Page, result: Any, style: Style) -> Style:
    shown, zoom = page.view.attention, page.zoom
    style = replace(style, together=shown.of, minus=shown.minus, weighted_by=shown.by)
    return style if zoom is None else replace(style, rows=zoom.rows, columns=zoom.columns)


def _plain(page: Page) -> bool:
    """Whether the primary head's own pattern, or its difference of runs, is shown."""
    shown = page.view.attention
    return shown.by is None and shown.of == "primary" and (not shown.minus or page.view.show == "difference")


def _compares_prompts(page: Page) -> bool:
    return page.view.attention.minus == "corrupted" and page.view.show != "difference"


def _attention_figure(page: Page) -> str | None:
    if page.view.attention.by:
        return "weighted_attention_heatmap"
    return "attention_difference_heatmap" if _compares_prompts(page) else None


def _weights_recipe(page: Page, intervened: bool) -> AnyRecipe:
    return page.experiment.recipe(WEIGHTS, intervened=intervened)


def _weights(page: Page) -> tuple[AnyRecipe, Result]:
    why = unweighted(page.experiment, page.view)
    if why:
        raise Refused(why)
    return _weights_recipe(page, page.view.show != "baseline"), page.asked(_weights_recipe).shown(WEIGHTS)


def _attention_across(page: Page) -> tuple[AnyRecipe, Result] | None:
    """The weights of the keys, or the pair's other prompt where it is taken away."""
    if page.view.attention.by:
        return _weights(page)
    if not _compares_prompts(page):
        return None
    other = replace(page, experiment=other_of(page.engine, page.experiment))
    behind = ATTENTION[ids.ATTENTION]
    return behind.recipe(other, page.view.show != "baseline"), behind.result(other)


def _attention_table(page: Page, result: Any) -> pd.DataFrame:
    """Every head as it is, or the one matrix on screen."""
    rows = result.pattern.size if _plain(page) else len(result.str_tokens) ** 2
    if rows > MOST_ROWS:
        raise Refused(TOO_MANY_ROWS.format(rows, len(result.str_tokens), MOST_ROWS), "error")
    if _plain(page):
        return long_table(result)
    style = _attention_style(page, result, Style(show=page.view.show))
    _, across = _attention_across(page) or (None, None)
    weights = across if isinstance(across, AttentionWeightsResult) else None
    other = across if isinstance(across, AttentionPatternResult) else None
    return reading_rows(result, style, page.selection, other, weights)


def _attention_part(page: Page) -> str:
    shown = page.view.attention
    return "" if _plain(page) else "-".join([shown.of, *([shown.by.replace("_", "-")] if shown.by else [])])


def _thumbnails_style(page: Page, result: Any, style: Style) -> Style:
    width, height = thumbnails_size(result)
    return replace(style, width=width, height=height)


def _reading_recipe(page: Page, intervened: bool) -> AnyRecipe:
    return reading_of(page.experiment, page.selection, intervened)


_statistics = single(STATISTICS)


def _background(page: Page) -> tuple[AnyRecipe, Result]:
    _primary(page)
    recipe = of_model(page.engine, page.experiment, BACKGROUND)
    return recipe, page.engine.evaluate(recipe)


def _primary(page: Page) -> Head:
    if page.selection.primary is None:
        raise Refused(SELECT_CARD)
    return page.selection.primary


def _card(page: Page, result: Result) -> pd.DataFrame:
    """Every number of the primary head that is on the card."""
    head, digests = _primary(page), {STATISTICS: page.digests(_statistics.recipe)}
    alone = {name: {"baseline": page.engine.digest(of_model(page.engine, page.experiment, name))} for name in OF_MODEL}
    _, tokens = _tokens(page)
    return card_table(card(page.engine, page.experiment, page.view.show, digests | alone), head, tokens)


def _tokens(page: Page) -> tuple[AnyRecipe, Any]:
    """Of a difference those of the intervened run, as on the page."""
    recipe = page.experiment.recipe(TOKENS, intervened=page.view.show != "baseline")
    return recipe, page.engine.evaluate(recipe)


def _card_beside(page: Page) -> tuple[tuple[AnyRecipe, Result], ...]:
    """All else that is on the card: effects as far as they are there, scores of the model, tokens."""
    changed = page.view.show != "baseline"
    effects = found_effects(page.engine, page.experiment, page.view.show)
    alone = {name: of_model(page.engine, page.experiment, name) for name in OF_MODEL if name != BACKGROUND}
    digests = {name: {"baseline": page.engine.digest(recipe)} for name, recipe in alone.items()}
    models = found_of_model(page.engine, page.experiment, digests)
    return (
        *((recipe_of(page.experiment, name, intervened=changed), result) for name, result in effects.items()),
        *((alone[name], result) for name, result in models.items()),
        _tokens(page),
    )


def _card_style(page: Page, result: Any, style: Style) -> Style:
    """As high as what is on it: a line per number, and a heading for each of four groups."""
    others = [other for _, other in _card_beside(page) if not isinstance(other, HeadTokensResult)]
    width, height = card_size(sum(len(quantities_of(each)) for each in (result, *others)) + 4)
    return replace(style, width=width, height=height)


ATTENTION = {
    ids.ATTENTION: single(
        "attention_pattern", figure=_attention_figure, read=_attention_style, across=_attention_across,
        table=_attention_table, part=_attention_part,
    ),
    ids.THUMBNAILS: single(
        "attention_pattern", figure=lambda page: "attention_thumbnails", read=_thumbnails_style
    ),
    ids.HEAD_CARD: Source(
        _statistics.recipe, _statistics.result, lambda page: "head_card_table", _card_style, _background, _card,
        beside=_card_beside, part=lambda page: str(page.selection.primary),
    ),
    ids.HEAD_READING: Source(
        _reading_recipe, lambda page: page.asked(_reading_recipe).shown(READING, **options_of(page.selection)),
        part=lambda page: str(page.selection.primary),
    ),
}  # fmt: skip
"""Panel -> what is behind it."""
