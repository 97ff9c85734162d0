"""Maps side by side: the colours of one scale are those that the largest of them has on its own."""

from app.domain.views import Selection, Style
from app.figures.one_scale import shared_limit
from app.figures.sweep_map import sweep_heatmap
from tests.unit.figures import sweeps

EFFECT, KL = Style(), Style(metric="kl_divergence")
SMALL, LARGE = sweeps.sweep("noising"), sweeps.sweep("zero", seed=7)


def own(result):
    return sweep_heatmap(result, EFFECT, Selection()).to_dict()["data"][0]["zmax"]


def shared(*shown):
    return shared_limit(shown, Selection())


def test_the_limit_of_all_is_the_largest_that_a_map_has_on_its_own():
    assert own(SMALL) != own(LARGE)
    for sides in ((SMALL, LARGE), (LARGE, SMALL)):
        assert shared(*((result, EFFECT) for result in sides)) == max(own(SMALL), own(LARGE))


def test_a_map_in_another_unit_has_no_say():
    assert shared((SMALL, EFFECT), (LARGE, KL)) is None
    assert shared((SMALL, EFFECT), (LARGE, KL), (SMALL, EFFECT)) == own(SMALL)


def test_neurons_are_bars_and_have_no_colours_to_share():
    bars = sweeps.sweep("zero", activation="mlp_post", layers=(1,))
    assert shared((bars, EFFECT), (LARGE, EFFECT)) is None
    assert shared((LARGE, EFFECT), (bars, EFFECT)) is None
