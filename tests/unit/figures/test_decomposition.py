"""Bars of every level sum, with what is pale, to the logit difference; the title says at which scale."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.results import difference
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures import decomposition as module
from app.figures.decomposition import decomposition_bars
from tests.unit.figures import results

LEVELS = ("layer", "sublayer", "head", "source", "neuron")
FIRST = {"layer": "L1", "sublayer": "L1.attn", "head": "L1H2", "source": "L1H1 ← 5 ⏎", "neuron": "L1N4"}


def bars(result, level="sublayer", selection=Selection(), **style):
    figure = decomposition_bars(result, Style(level=level, **style), selection)
    return figure, dict(zip(figure.data[0].customdata, figure.data[0].x, strict=True))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("prompts", [1, 3])
def test_all_bars_of_a_level_sum_to_the_logit_difference(level, prompts, monkeypatch):
    monkeypatch.setattr(module, "MOST", 4)
    result = results.decomposition(prompts=prompts, scale="baseline")
    figure, drawn = bars(result, level)
    assert sum(drawn.values()) == pytest.approx(result.logit_diff.mean(), abs=1e-5)
    assert {"rescaling", "bias"} < set(drawn)
    assert "interventions" not in drawn  # nothing is no bar
    sizes = np.abs(figure.data[0].x[:3])
    assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("level", LEVELS)
def test_parts_are_named_so_that_they_can_be_selected(level, monkeypatch):
    monkeypatch.setattr(module, "MOST", 40)
    _, drawn = bars(results.decomposition(), level)
    result = results.decomposition()
    assert FIRST[level] in drawn
    if level == "head":
        assert drawn["L1H2"] == pytest.approx(result.heads[0, 1, 2])
    if level == "source":
        assert drawn["L1H1 ← 5 ⏎"] == pytest.approx(result.sources[0, 1, 1, 5])
    if level == "neuron":
        assert drawn["L1N4"] == pytest.approx(result.neurons[0, 1, 4])
    if level == "layer":
        attn, mlp = result.components[0, 3:5]
        assert drawn["L1"] == pytest.approx(attn + mlp)


def test_several_prompts_are_means_with_a_point_each():
    result = results.decomposition(prompts=3)
    figure, drawn = bars(result, "head")
    assert drawn["L0H1"] == pytest.approx(result.heads[:, 0, 1].mean(), abs=1e-6)
    points = [x for x, name in zip(figure.data[1].x, figure.data[1].customdata, strict=True) if name == "L0H1"]
    assert points == pytest.approx(result.heads[:, 0, 1])
    assert "mean of 3 prompts, standard deviation" in figure.data[0].text[0]
    assert "mean of 3 prompts" in figure.layout.meta["title"]
    assert len(decomposition_bars(results.decomposition(), Style(), Selection()).data) == 1


def test_the_sum_is_written_out_with_its_error_and_the_scale_stands_in_the_title():
    result = results.decomposition()
    figure, _ = bars(replace(result, logit_diff=result.logit_diff + 0.5))
    line = figure.layout.annotations[0].text
    assert "logit diff" in line
    assert "error 0.5" in line
    assert "at the run's own scale" in figure.layout.meta["title"]
    assert "at the baseline's scale" in bars(results.decomposition(scale="baseline"))[0].layout.meta["title"]


def test_source_tokens_of_prompts_of_other_lengths_are_of_the_selected_prompt():
    result = results.decomposition(prompts=2)
    tokens, sources = result.str_tokens.copy(), result.sources.copy()
    tokens[1, 4:], sources[1, ..., 4:] = "", np.nan
    heads = np.nansum(sources, -1)
    result = replace(result, str_tokens=tokens, sources=sources, heads=heads)
    figure, drawn = bars(result, "source", Selection(prompt=1))
    assert figure.layout.meta["prompts"] == 1
    assert not any("← 5" in name for name in drawn)


def test_what_no_token_wrote_is_in_the_rest_and_a_level_that_is_not_there_is_refused():
    result = results.decomposition()
    sources = result.sources.copy()
    sources[0, 1, 2] = np.nan
    _, drawn = bars(replace(result, sources=sources), "source")
    assert drawn["heads, not by token"] == pytest.approx(result.heads[0, 1, 2], abs=1e-5)
    assert sum(drawn.values()) == pytest.approx(float(result.logit_diff[0]), abs=1e-5)
    with pytest.raises(BadInput, match="no MLPs"):
        bars(replace(result, neurons=result.neurons[:0], neuron_note="Tiny has no MLPs."), "neuron")
    more = replace(results.decomposition(prompts=2), sources=result.sources, str_tokens=result.str_tokens)
    with pytest.raises(BadInput, match="first 1"):
        bars(more, "source", Selection(prompt=1))


def test_a_difference_says_so_and_selected_heads_are_framed():
    result = results.decomposition()
    figure, drawn = bars(
        difference(result, results.decomposition()), "head", Selection((Head(1, 2),)), show="difference"
    )
    assert figure.layout.meta["title"].startswith("Δ")
    assert not [value for name, value in drawn.items() if value]
    figure, _ = bars(result, "head", Selection((Head(1, 2),), Head(1, 2)))
    framed = figure.layout.shapes[0]
    assert figure.data[0].customdata[round((framed.y0 + framed.y1) / 2)] == "L1H2"
