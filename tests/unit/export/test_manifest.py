"""What the manifest says, and that files without one are refused."""

from dataclasses import replace

import pytest

from app.domain.errors import BadInput
from app.domain.recipes import parse_recipe
from app.domain.sites import Head
from app.domain.views import Selection, Style, View, parse_view
from app.export.manifest import describe, differences, embed, format_of, manifest, read_manifest
from tests.unit.figures import results

ASKED = parse_recipe(
    {
        "kind": "logit_lens",
        "model": {"source": "bundled", "name": "tiny"},
        "prompts": [{"clean": '</script><b>&amp; "日本" -->', "answer": " x", "incorrect_answer": " y"}],
    }
)
VIEW = View(ASKED, Style(width=320, height=240), Selection(heads=(Head(1, 2),), primary=Head(1, 2)))
MANIFEST = manifest(VIEW, results.PROVENANCE, "d1g")
HTML = b"<html><head></head><body></body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><g/></svg>'


def test_it_holds_a_view_that_parses_back_and_where_the_numbers_come_from():
    assert parse_view(MANIFEST["view"]) == VIEW
    assert MANIFEST["digest"] == "d1g"
    assert MANIFEST["provenance"]["identity"] == "ab12"
    assert MANIFEST["microtome"] == "0.1.0"


def test_it_says_itself_in_one_line():
    said = "logit_lens of Tiny (compatibility weights, float32, revision rev 1); recipe d1g; Microtome 0.1.0"
    assert describe(MANIFEST) == said


@pytest.mark.parametrize(("format", "picture"), [("html", HTML), ("svg", SVG)])
def test_prompts_full_of_markup_neither_break_the_file_nor_the_manifest(format, picture):
    inside = embed(picture, format, MANIFEST)
    assert read_manifest(inside, format) == MANIFEST
    assert inside.count(b"</script>") == (1 if format == "html" else 0)


@pytest.mark.parametrize(
    ("format", "picture"),
    [("html", HTML), ("svg", SVG), ("png", b"\x89PNG\r\n\x1a\n"), ("png", b"x"), ("pdf", b"not a pdf"), ("html", b"")],
)
def test_files_without_a_manifest_are_refused_in_plain_words(format, picture):
    with pytest.raises(BadInput, match=f"This {format} has no Microtome manifest inside"):
        read_manifest(picture, format)


def test_other_formats_are_refused_with_the_list_of_formats():
    with pytest.raises(BadInput, match="'eps' is not a picture format; use one of html, svg, png, pdf"):
        read_manifest(b"", "eps")


PAIRS = [{"clean": "a b", "corrupted": "a c", "answer": " x", "incorrect_answer": " y"}] * 3
SWEPT = {"model": {"source": "bundled", "name": "tiny"}, "prompts": PAIRS}


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"kind": "ablation", "method": "resample", "reference": ["p", "q"], "seed": 4},
         "resample, 2 reference prompts, seed 4 of z; rank as recovered; 3 prompts"),
        ({"kind": "ablation", "method": "mean"}, "mean, background of z; rank as recovered; 3 prompts"),
        ({"kind": "activation_patching", "direction": "noising", "cells": {"activation": "resid_pre"}},
         "noising of resid_pre; rank as recovered; 3 prompts"),
        ({"kind": "activation_patching", "noise": {"positions": [1], "kind": "gaussian_noise"}},
         "denoising, noise 3σ, seed 1 of z; rank as recovered; 3 prompts"),
        ({"kind": "prediction"}, "; 3 prompts; recipe d1g"),
    ],
)  # fmt: skip
def test_a_sweep_says_how_it_was_made_and_how_it_is_read(recipe, said):
    view = View(parse_recipe({**SWEPT, **recipe}), Style(metric="rank", normalised="recovered"))
    assert said in describe(manifest(view, results.PROVENANCE, "d1g"))


@pytest.mark.parametrize(
    ("begins", "format"),
    [(HTML, "html"), (SVG, "svg"), (b'<?xml version="1.0"?>', "svg"), (b"<!DOCTYPE html>", "html"),
     (b"%PDF-1.4", "pdf"), (b"\x89PNG\r\n\x1a\n", "png"), (b'{"recipe": {}}', None), (b"", None)],
)  # fmt: skip
def test_a_picture_is_known_by_how_it_begins(begins, format):
    assert format_of(begins) == format


def test_what_is_not_as_it_was_is_told_a_line_each():
    assert differences(MANIFEST, results.PROVENANCE) == []
    now = replace(results.PROVENANCE, identity="cd34", versions=(("torch", "2.14.0"), ("y", "2")))
    assert differences(MANIFEST, now) == [
        "weights as processed: ab12 then, cd34 now", "torch: 2.13.0 then, 2.14.0 now", "x: 1 then, none now",
        "y: none then, 2 now",
    ]  # fmt: skip
