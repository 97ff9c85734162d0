"""The strength curve: one line over grey placebos, a band over prompts, the run without the change, and its table."""

import numpy as np
import pytest

from app.domain.directions import TokenDirection
from app.domain.errors import BadInput
from app.domain.models import ModelSpec, Provenance
from app.domain.prompts import PromptPair
from app.domain.recipes import SteeringCurve, recipe_json
from app.domain.results import METRICS
from app.domain.sites import Site
from app.domain.steering_results import SteeringCurveResult
from app.domain.views import Selection, Style
from app.figures.steering_curve import steering_curve_lines
from app.figures.steering_tables import steering_rows

STRENGTHS = (4.0, 0.0, -4.0)
OF = Provenance("m", "i", "r", "raw", "float32", "cpu", "yes", ())
TOKENS = TokenDirection((" a",), (" b",))


def result(prompts=2, placebos=2, texts=()):
    recipe = SteeringCurve(
        model=ModelSpec("listed", "m"), prompts=(PromptPair("a"),) * prompts, direction=TOKENS,
        site=Site("resid_post", 3), strengths=STRENGTHS, placebos=placebos,
    )  # fmt: skip
    values = np.broadcast_to(np.array(STRENGTHS, np.float32), (len(METRICS), prompts, 3)) + np.arange(prompts)[:, None]
    return SteeringCurveResult(
        recipe=recipe_json(recipe), digest="d", provenance=OF,
        engine="replay", strengths=np.array(STRENGTHS, np.float32), values=values.astype(np.float32),
        placebo=np.zeros((len(METRICS), prompts, placebos, 3), np.float32),
        clean=np.full((len(METRICS), prompts), 0.5, np.float32), norm=np.ones(prompts, np.float32),
        projection=np.ones(prompts, np.float32), texts=texts,
    )  # fmt: skip


def test_the_line_is_the_mean_over_prompts_by_rising_strength_over_one_grey_line_per_placebo():
    figure = steering_curve_lines(result(), Style(metric="logit_diff"), Selection())
    *placebos, low, high, line = figure.data
    assert (list(line.x), list(line.y)) == ([-4, 0, 4], [-3.5, 0.5, 4.5])
    assert [each.name for each in placebos] == ["placebo", "placebo"]
    assert [each.showlegend for each in placebos] == [True, False]
    np.testing.assert_allclose(np.array(high.y) - np.array(low.y), 1.0)  # two prompts, one apart: ± 0.5
    assert figure.layout.shapes[0].y0 == 0.5
    assert figure.layout.xaxis.title.text == "strength"


def test_one_prompt_has_no_band_and_texts_are_on_the_hover():
    (line,) = steering_curve_lines(result(1, 0, ("<b>up", "", "down")), Style(), Selection()).data
    assert "down" in line.hovertext[0]
    assert "&lt;b" in line.hovertext[2]


def test_an_unknown_metric_is_refused():
    with pytest.raises(BadInput, match="no metric 'guess'"):
        steering_curve_lines(result(), Style(metric="guess"), Selection())


def test_the_table_has_a_row_per_direction_strength_prompt_and_metric():
    rows = steering_rows(result(texts=("x", "y", "z")))
    assert len(rows) == 3 * len(STRENGTHS) * 2 * len(METRICS)
    real = rows[(rows.direction == "real") & (rows.metric == "logit_diff") & (rows.prompt == 1)]
    assert real.value.tolist() == [5, 1, -3]
    assert real.text.tolist() == ["x", "y", "z"]
    assert "text" not in steering_rows(result())
