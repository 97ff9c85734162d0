"""The card of a head: rows of all heads, and the rule by which this prompt differs from background texts."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput, BadSite
from app.domain.head_card import beside_background, check_head, plain, rows_of
from app.domain.head_quantities import quantities_of
from app.domain.sites import Head
from tests.unit.figures import heads


def test_every_statistic_stands_beside_its_mean_over_the_background_texts():
    here, background = heads.statistics(), heads.statistics(prompts=4, corpus=True)
    rows = beside_background(here, background)
    assert [row.name for row in rows] == list(quantities_of(here))
    for row in rows:
        np.testing.assert_array_equal(row.values, getattr(here, row.name)[0])
        np.testing.assert_allclose(row.background, getattr(background, row.name).mean(axis=0))


def test_a_head_differs_where_it_is_further_off_than_heads_spread_on_background_texts():
    here, background = heads.statistics(1, 3), heads.statistics(1, 3, corpus=True)
    usual = np.array([[[0.0, 1.0, 2.0]]], dtype=np.float32)
    spread = np.std([0, 1, 2])  # 0.816
    entropy = usual + np.array([0.8, 0.82, -0.9], dtype=np.float32)
    (row, *_) = beside_background(replace(here, entropy=entropy), replace(background, entropy=usual))
    assert row.spread == pytest.approx(spread)
    assert row.differs.tolist() == [[False, True, True]]


def test_what_is_not_computed_is_never_called_different():
    here, background = heads.statistics(1, 2), heads.statistics(1, 2, corpus=True)
    nothing = np.full((1, 1, 2), np.nan, dtype=np.float32)
    (row, *_) = beside_background(replace(here, entropy=nothing), background)
    assert not row.differs.any()
    assert plain([row])["rows"][0]["values"] == [None, None]


def test_a_difference_of_runs_has_a_sign_and_is_not_compared():
    rows = beside_background(heads.statistics(), heads.statistics(corpus=True), difference=True)
    assert all(row.signed and row.background is None and row.unit.startswith("Δ ") for row in rows)


def test_another_models_background_is_refused():
    with pytest.raises(BadInput, match=r"\(2, 4\).*\(2, 3\)"):
        beside_background(heads.statistics(2, 3), heads.statistics(2, 4, corpus=True))


def test_a_head_that_the_rows_do_not_have_is_refused():
    with pytest.raises(BadSite, match="2 layers"):
        check_head(rows_of(heads.statistics(), ""), Head(2, 0))


def test_the_page_gets_every_number_as_it_is_and_the_places_of_what_differs():
    rows = beside_background(heads.statistics(), heads.statistics(prompts=2, corpus=True))
    sent = plain(rows)
    assert sent["heads"] == 3
    for row, known in zip(sent["rows"], rows, strict=True):
        np.testing.assert_array_equal(np.float32(row["values"]), known.values.ravel())
        assert row["differs"] == np.flatnonzero(known.differs.ravel()).tolist()
