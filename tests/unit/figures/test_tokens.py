"""Tokens as labels."""

from app.figures.tokens import axis_tokens, label, token_axis, visible


def test_spaces_newlines_and_control_characters_are_visible():
    assert visible(" to") == "·to"
    assert visible("\n") == "⏎"
    assert visible("a\tb") == "a⇥b"
    assert visible("\x00") == "\\x00"
    assert visible("") == "∅"


def test_markup_inside_tokens_is_shown_literally():
    assert label("<|eot|>") == "&lt;|eot|>"
    assert label("&lt;") == "&amp;lt;"
    assert label("a < b & c") == "a·<·b·&·c"


def test_long_tokens_are_cut_before_they_are_escaped():
    assert label("<|endoftext|>", room=6) == "<|end…"
    assert label("<b>bold", room=5) == "&lt;b>b…"


def test_repeated_tokens_keep_one_tick_each_at_integer_positions():
    axis = token_axis((" a", " a", " a"), pixels=400, family="monospace")
    assert axis["tickvals"] == [0, 1, 2]
    assert axis["ticktext"] == ["·a", "·a", "·a"]
    assert axis["range"] == [-0.5, 2.5]
    assert axis["tickfont"]["family"] == "monospace"


def test_long_prompts_thin_their_ticks_and_then_say_the_position():
    axis = token_axis((" a",) * 200, pixels=400, family="monospace")
    assert len(axis["tickvals"]) <= 400 // 13
    assert axis["ticktext"][1] == f"{axis['tickvals'][1]} ·a"
    assert axis["range"] == [-0.5, 199.5]


def test_a_prompt_of_one_token_has_one_tick():
    assert token_axis(("a",), pixels=400, family="x")["tickvals"] == [0]
    assert axis_tokens(("a",)) == ["a"]
