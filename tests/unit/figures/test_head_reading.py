"""One query of one head, drawn source token by source token."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.views import Selection, Style
from app.figures.head_reading import MOST, head_reading_bars, shown_keys
from tests.unit.figures import results


def trace(figure, name):
    (found,) = [each for each in figure.data if each.name == name]
    return found


def test_content_and_positional_parts_are_stacked_and_a_diamond_stands_at_their_sum():
    result = results.reading()
    figure = head_reading_bars(result, Style(), Selection())
    for name in ("content", "positional"):
        np.testing.assert_array_equal(trace(figure, name).x, getattr(result, name))
    np.testing.assert_array_equal(trace(figure, "sum").x, result.score)
    assert figure.layout.barmode == "relative"
    assert trace(figure, "positional").opacity < trace(figure, "content").opacity
    assert figure.layout.meta["panel"] == "head-reading"


def test_keys_are_rows_in_the_order_of_the_prompt_with_attention_and_tokens_beside():
    result = results.reading()
    figure = head_reading_bars(result, Style(), Selection(positions=(2, 0)))
    assert figure.layout.yaxis.ticktext == ("1 When", "2 ·Mary", "3 ·and", "4 ·Mary", "5 ⏎")
    assert figure.layout.yaxis.range == (4.5, -0.5)
    np.testing.assert_array_equal(trace(figure, "attention").x, result.pattern)
    assert trace(figure, "content").customdata == (1, 2, 3, 4, 5)
    assert trace(figure, "tokens").text[0] == "▲ ·the &lt;b>  ▼ ⏎ a,b"
    exported = head_reading_bars(result, Style(width=900), Selection())
    assert trace(exported, "tokens").text[0] == "▲ ·the &lt;b> a,b  ▼ ⏎ a,b &lt;b>"
    (shape,) = figure.layout.shapes
    assert (shape.y0, shape.y1) == (0.5, 1.5)


def test_hover_has_every_number_exactly_and_logits_times_attention():
    result = results.reading()
    text = trace(head_reading_bars(result, Style(), Selection()), "content").hovertext[1]
    assert text.startswith("<b>L0H1</b><br>key 2 <b>·Mary</b><br>score ")
    assert f"<br>attention {result.pattern[1]!s}<br>" in text
    assert f"·the +{result.promoted_logits[1, 0]!s} (+" in text


def test_a_difference_says_so_and_multiplies_nothing():
    figure = head_reading_bars(results.reading(), Style(show="difference"), Selection())
    assert figure.layout.xaxis.title.text == "Δ attn score"
    assert figure.layout.xaxis2.range[0] < 0
    assert "(+" not in trace(figure, "content").hovertext[0]


def test_without_parts_the_score_is_one_bar_and_the_note_says_why():
    figure = head_reading_bars(results.reading(note="positions are not told"), Style(), Selection())
    assert "content" not in {each.name for each in figure.data}
    assert trace(figure, "score").opacity == 1
    assert "positions are not told" in {note.text for note in figure.layout.annotations}


def test_of_long_prompts_the_most_attended_keys_are_shown_and_counted():
    result = results.reading(tuple(f"t{i}" for i in range(40)))
    assert shown_keys(result).tolist() == list(range(39 - MOST, 39))
    figure = head_reading_bars(result, Style(), Selection())
    assert len(trace(figure, "attention").x) == MOST
    assert any(note.text.startswith("24 most attended of 39 keys<br>") for note in figure.layout.annotations)


@pytest.mark.parametrize("width", [None, 900])
def test_the_title_names_head_and_query(width):
    figure = head_reading_bars(results.reading(), Style(width=width), Selection())
    assert figure.layout.meta["title"] == "L0H1 reading from 5 ⏎, Tiny"


def test_promoted_and_suppressed_tokens_fit_beside_the_bars_of_a_panel():
    result = results.reading()
    wide = np.full_like(result.promoted_tokens, "antidisestablishment")
    figure = head_reading_bars(replace(result, promoted_tokens=wide, suppressed_tokens=wide), Style(), Selection())
    left, right = figure.layout.xaxis3.domain
    line = max(trace(figure, "tokens").text, key=len)
    assert (right - left) * 397 - 17 > len(line) * 6.02  # the panel at 1440 pixels; monospace of size 10
    assert figure.layout.xaxis.title.text == "attn score"
