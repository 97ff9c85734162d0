"""The map of what heads promote says what the result has."""

import pytest

from app.domain.errors import BadInput
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.head_tokens import head_tokens_heatmap
from tests.unit.figures import heads


def test_every_cell_is_the_first_token_of_its_head_and_its_logit():
    result = heads.tokens()
    figure = head_tokens_heatmap(result, Style(), Selection(heads=(Head(1, 2),), primary=Head(1, 2)))
    cells = figure.data[0]
    assert cells.z.tolist() == result.promoted_logits[0, :, :, 0].tolist()
    assert cells.customdata[1][2] == "L1H2"
    assert "&lt;" in cells.text[0][0]
    assert "suppressed" in cells.hovertext[1][2]
    assert [shape.name for shape in figure.layout.shapes] == ["primary"]


def test_a_difference_of_ranks_is_refused():
    with pytest.raises(BadInput, match="no difference"):
        head_tokens_heatmap(heads.tokens(), Style(show="difference"), Selection())
