"""The component lens as a table."""

import pytest

from app.domain.errors import BadInput
from app.domain.views import Selection, Style
from app.figures.component_lens import component_lens_table
from tests.unit.figures import results


def test_rows_are_components_then_what_is_none_then_the_sum():
    table = component_lens_table(results.component_lens(), Style(width=600, height=400), Selection()).data[0]
    assert list(table.header.values) == ["", "promotes", "suppresses", "norm", "·Mary", "&lt;b>"]
    names, promoted, *_ = table.cells.values
    assert list(names) == ["L0H1", "L2.mlp", "L1H0", "<b>others</b>", "<b>bias</b>", "<b>logit</b>"]  # no interventions
    assert promoted[0].startswith("·the +")


def test_a_difference_of_ranks_is_refused():
    with pytest.raises(BadInput, match="no difference"):
        component_lens_table(results.component_lens(), Style(show="difference"), Selection())
