"""A view set up as a page: the page asks for the same recipe again."""

import pytest

from app.domain.cells import Cells
from app.domain.experiment import Experiment
from app.domain.interventions import Ablate
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import Ablation, ActivationPatching, AttributionPatching, BehaviourScores, LogitLens
from app.domain.reopened import session_of
from app.domain.session import parse_session, session_dict
from app.domain.sites import Head, Site
from app.domain.views import Selection, Style, View

MODEL = ModelSpec("bundled", "tiny")
PAIRS = (PromptPair("a b", "a c", (" x",), (" y",)), PromptPair("b b", "b c", (" y",), (" x",)))
ZEROED = Ablate(Site("z", 1, (0,)))
ASKED = {"model": MODEL, "prompts": PAIRS, "interventions": (ZEROED,)}


@pytest.mark.parametrize(
    ("recipe", "method"),
    [
        (Ablation(method="mean", cells=Cells("mlp_out"), **ASKED), "mean"),
        (ActivationPatching(direction="noising", cells=Cells("q", "position"), **ASKED), "noising"),
        (AttributionPatching(direction="denoising", **ASKED), "estimate"),
    ],
)
def test_a_sweep_is_asked_again_by_the_page_that_its_picture_opens(recipe, method):
    session = session_of(View(recipe, Style(metric="rank", show="intervened")))
    assert session.view.workspace == "patch"
    assert session.sweep.recipe(session.experiment, method, intervened=True) == recipe
    assert (session.sweep.method, session.sweep.metric, session.view.show) == (method, "rank", "intervened")
    assert parse_session(session_dict(session)) == session


def test_one_prompt_is_the_one_on_screen_and_the_selection_stays():
    lens = LogitLens(model=MODEL, prompts=PAIRS[1:], interventions=(ZEROED,))
    session = session_of(View(lens, selection=Selection((Head(0, 1),), Head(0, 1))))
    assert session.experiment.recipe("logit_lens", intervened=True) == lens
    assert (session.view.workspace, session.view.section) == ("residual", "lens")
    assert session.selection.primary == Head(0, 1)


def test_what_is_of_the_model_alone_opens_on_its_model():
    session = session_of(View(BehaviourScores(model=MODEL)))
    assert isinstance(session.experiment, Experiment)
    assert session.experiment.model == MODEL
