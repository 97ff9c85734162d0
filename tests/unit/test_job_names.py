"""What the header's tooltip calls a computation."""

from app.computations import job_name
from app.domain.cells import Cells
from app.domain.interventions import Ablate
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import Ablation, Prediction
from app.domain.sites import Site

SPEC = ModelSpec("bundled", "ground-truth")
PAIR = PromptPair("a b", None, ("a",), ("b",))


def test_a_sweep_is_named_with_its_method_prompts_and_run():
    sweep = Ablation(model=SPEC, prompts=(PAIR,) * 8, method="mean", cells=Cells("z"))
    assert job_name(sweep) == "Ablation sweep, mean, 8 prompts"


def test_one_prompt_is_not_counted_and_an_intervened_run_is_named():
    changed = Prediction(model=SPEC, prompts=(PAIR,), interventions=(Ablate(Site("z", 0, (1,))),))
    assert job_name(changed) == "Prediction, intervened"


def test_a_sweep_of_other_places_than_whole_heads_says_which():
    sweep = Ablation(model=SPEC, prompts=(PAIR,), cells=Cells("resid_pre", by="position"))
    assert job_name(sweep) == "Ablation sweep, zero, resid_pre by position"
