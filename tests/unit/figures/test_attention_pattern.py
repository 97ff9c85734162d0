"""Attention: exact heatmap, frame and palette PNG."""

import struct
import zlib

import numpy as np
import pytest

from app.domain.errors import BadInput, BadSite
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.attention_pattern import attention_frame, attention_heatmap
from app.figures.attention_png import attention_limit, attention_png, indices, palette
from app.figures.theme import PANEL, SEQUENTIAL
from tests.unit.figures import results


def decoded(png: bytes) -> np.ndarray:
    """Palette indices `[row, column]`, read from the file's own chunks."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, found = 8, {}
    while at < len(png):
        (length,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        content = png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + content)
        found[kind] = content
        at += length + 12
    width, height, depth, colour_type = struct.unpack(">IIBB", found[b"IHDR"][:10])
    assert (depth, colour_type, len(found[b"PLTE"])) == (8, 3, 768)
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (rows[:, 0] == 0).all()
    return rows[:, 1:]


def test_a_window_has_its_own_axes_and_keeps_the_numbers():
    result = results.pattern()
    figure = attention_heatmap(result, Style(rows=(2, 5), columns=(1, 3)), Selection(primary=Head(0, 1)))
    np.testing.assert_array_equal(figure.data[0].z, result.pattern[0, 1])
    assert (figure.layout.yaxis.range, figure.layout.xaxis.range) == ((4.5, 1.5), (0.5, 2.5))
    assert (figure.layout.yaxis.tickvals, figure.layout.xaxis.tickvals) == ((2, 3, 4), (1, 2))
    assert figure.layout.xaxis.ticktext == ("When", "·Mary")
    with pytest.raises(BadInput, match="not in a prompt of 6 tokens"):
        attention_heatmap(result, Style(rows=(2, 7)), Selection(primary=Head(0, 1)))


def test_queries_are_rows_downwards_and_keys_are_columns():
    result = results.pattern()
    figure = attention_heatmap(result, Style(), Selection(primary=Head(0, 1)))
    np.testing.assert_array_equal(figure.data[0].z, result.pattern[0, 1])
    assert figure.layout.yaxis.range == (5.5, -0.5)
    assert figure.layout.xaxis.range == (-0.5, 5.5)
    assert figure.layout.yaxis.title.text == "query (destination)"
    assert figure.layout.xaxis.title.text == "key (source)"
    assert figure.layout.xaxis.ticktext == ("<|endoftext…", "When", "·Mary", "·and", "·Mary", "⏎")


def test_hover_names_head_query_key_and_exact_value():
    result = results.pattern()
    text = attention_heatmap(result, Style(), Selection()).data[0].hovertext[2, 1]
    assert (
        text == f"<b>L0H0</b><br>query 2 <b>·Mary</b><br>key 1 <b>When</b><br>attention {result.pattern[0, 0, 2, 1]!s}"
    )


def test_the_scale_is_0_to_1_for_patterns_and_symmetric_for_differences_so_that_heads_compare():
    plain = attention_heatmap(results.pattern(), Style(), Selection()).data[0]
    assert (plain.zmin, plain.zmax) == (0, 1)
    signed = attention_heatmap(results.pattern(), Style(show="difference"), Selection()).data[0]
    assert (signed.zmin, signed.zmax) == (-0.5, 0.5)
    assert signed.colorbar.ticktext[-1].startswith("≥ ")  # attention to oneself at position 0 is 1


def test_the_frame_has_the_axes_of_the_heatmap_an_image_that_fills_it_and_the_same_colour_range():
    frame = attention_frame(results.TOKENS, Style())
    exact = attention_heatmap(results.pattern(), Style(), Selection())
    for axis in ("xaxis", "yaxis"):
        assert frame.layout[axis] == exact.layout[axis]
    image = frame.layout.images[0]
    assert (image.x, image.y, image.sizex, image.sizey, image.sizing) == (-0.5, -0.5, 6, 6, "stretch")
    assert (frame.layout.coloraxis.cmin, frame.layout.coloraxis.cmax) == (0, 1)
    assert frame.layout.meta["panel"] == "attention"


def test_a_prompt_of_one_token_is_drawn():
    figure = attention_heatmap(results.pattern(("a",)), Style(), Selection())
    assert figure.data[0].z.tolist() == [[1.0]]
    assert attention_frame(("a",), Style()).layout.images[0].sizex == 1


def test_selected_positions_are_framed_as_rows():
    (shape,) = attention_heatmap(results.pattern(), Style(), Selection(positions=(3,))).layout.shapes
    assert (shape.name, shape.xref, shape.y0, shape.y1) == ("position", "paper", 2.5, 3.5)


def test_a_head_that_the_result_does_not_hold_is_refused_with_those_it_holds():
    with pytest.raises(BadSite, match="L7H0 is not in this result, which has layers 0 with 2 heads each"):
        attention_heatmap(results.pattern(), Style(), Selection(primary=Head(7, 0)))


def test_the_png_has_one_pixel_per_cell_and_stays_within_half_a_step_of_the_values():
    pattern = results.pattern().pattern[0, 0]
    read = decoded(attention_png(pattern, 1.0, signed=False, theme="light"))
    np.testing.assert_allclose((read.astype(float) - 1) / 254, pattern, atol=0.5 / 254 + 1e-7)  # 8 bits


def test_signed_pngs_have_an_exact_zero_in_the_panel_colour_and_clip_beyond_the_limit():
    values = np.array([[0.0, 0.5, -0.5, 9.0, np.nan]], np.float32)
    assert indices(values, 0.5, signed=True).tolist() == [[128, 255, 1, 255, 0]]
    assert "#" + bytes(palette(True, "dark")[128]).hex() == PANEL["dark"]


def test_zero_attention_has_the_panel_colour_and_the_limit_the_last_colour():
    colours = palette(False, "light")
    assert "#" + bytes(colours[1]).hex() == PANEL["light"]
    assert "#" + bytes(colours[255]).hex() == SEQUENTIAL["light"][-1]
    assert bytes(colours[0]) != bytes(colours[1])


def test_a_locked_limit_holds_for_frame_and_png_alike():
    assert attention_limit(Style(color_limit=0.2)) == 0.2
    assert attention_limit(Style()) == 1.0
    assert attention_frame(("a",), Style(color_limit=0.2)).layout.coloraxis.cmax == 0.2
