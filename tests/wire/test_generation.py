"""Generated text: on the button alone, in the background, cancelled; baseline beside intervened, refused in words."""

import time
from typing import Any

import pytest

from app.domain.errors import Cancelled
from app.domain.experiment import parse_experiment
from app.domain.interventions import Ablate
from app.domain.recipes import parse_recipe
from app.domain.session import Generating
from app.domain.sites import Site
from callbacks import sweep
from callbacks.generation import SLOT
from tests.wire.page import PAIR, READY, Page, changed, experiment
from tests.wire.test_draw import state, view, words

ABLATE = Ablate(Site("z", 1))
OUTPUT = "generation-progress.value"
START, CANCEL = "generation-start.n_clicks", "generation-cancel.n_clicks"


def patch(**numbers: Any) -> dict[str, Any]:
    """The view store of the workspace, text being generated with these numbers."""
    return view(workspace="patch", generation=vars(Generating(4)) | numbers)


def page(served: Page, store: dict[str, Any], **numbers: Any) -> dict[str, Any]:
    """What the browser holds."""
    known = {"experiment.data": store, "status.data": READY, "view.data": patch(**numbers)}
    answer = served.ask("digests-generation.data", known)
    return known | {"digests-generation.data": answer and answer["digests-generation"]["data"]}


def requested(served: Page, known: dict[str, Any], by: str = START) -> Any:
    """The request that the page writes when the button is pressed, or on something else; or None."""
    answer = served.ask("generation-request.data", {**known, START: 1}, by)
    return answer["generation-request"]["data"] if answer else None


def generated(served: Page, store: dict[str, Any], **numbers: Any) -> dict[str, Any]:
    """What the browser holds when the button was pressed and the texts are there."""
    known = page(served, store, **numbers)
    served.run_background(OUTPUT, {"generation-request.data": requested(served, known)})
    return known


def drawn(served: Page, known: dict[str, Any]) -> Any:
    """What the panel shows."""
    return served.ask("generation.children", known, "generation-tick.data")


def strip(served: Page, known: dict[str, Any], by: str | None = None) -> dict[str, Any]:
    """The words beside the button, what the button says, and whether it is off."""
    return served.strip("generation", known, by)


def test_nothing_is_generated_before_the_button_is_pressed(served: Page) -> None:
    known = page(served, changed(clean="the river apple dog the river"))
    assert served.engine.result(known["digests-generation.data"]["baseline"]) is None
    assert requested(served, known, by="view.data") is None
    answer = drawn(served, known)
    assert state(answer, "generation") == "empty"
    assert "Generate" in words(answer, "generation")


@pytest.mark.parametrize("show", ["baseline", "intervened", "difference"])
def test_the_button_shows_baseline_beside_intervened_whichever_run_is_shown_elsewhere(served: Page, show: str) -> None:
    known = page(served, experiment(PAIR, ABLATE), max_new_tokens=5)
    known["view.data"]["show"] = show
    served.run_background(OUTPUT, {"generation-request.data": requested(served, known)})
    answer = drawn(served, known)
    assert state(answer, "generation") == "ready"
    headings = [column["props"]["children"][0]["props"]["children"][0] for column in answer["generation"]["children"]]
    assert [heading["props"]["children"] for heading in headings] == ["baseline", "intervened"]
    assert requested(served, known) is None, "what is there is not generated again"


def test_as_many_tokens_as_asked_for_are_shown(served: Page) -> None:
    answer = drawn(served, generated(served, experiment(), max_new_tokens=3))
    (column,) = answer["generation"]["children"]
    assert len(column["props"]["children"][1]["props"]["children"]) == 3


def test_how_much_there_is_to_do_is_said_before_and_that_it_is_done_after(served: Page) -> None:
    store = changed(clean="the moon apple dog the river")
    assert strip(served, page(served, store)) == {"text": "4 tokens", "start": "Generate", "done": False}
    both = experiment(PAIR, Ablate(Site("z", 0)))
    assert strip(served, page(served, both))["text"] == "4 tokens × 2 runs"
    assert strip(served, generated(served, store)) == {
        "text": "done",
        "start": "Generate",
        "done": True,
    }


def test_a_cancelled_text_ends_at_its_next_token(served: Page) -> None:
    def cancelled(done: int, total: int, partial: Any = None) -> None:
        if done >= 3:
            raise Cancelled("Cancelled.")

    known = page(served, changed(clean="the house apple dog the river"), max_new_tokens=200)
    [recipe] = requested(served, known)["recipes"]
    with pytest.raises(Cancelled):
        served.engine.evaluate(parse_recipe(recipe), cancelled)
    while served.engine.counters().running:
        time.sleep(0.01)
    assert served.engine.result(known["digests-generation.data"]["baseline"]) is None
    said = "cancelled: this is as far as it came"
    assert strip(served, known, CANCEL) == {"text": said, "start": "Generate", "done": False}
    answer = drawn(served, known)
    (column,) = answer["generation"]["children"]
    assert state(answer, "generation") == "ready", "what was there to read stays"
    tokens = column["props"]["children"][1]["props"]["children"]
    assert 3 <= len(tokens) < 200
    heading = column["props"]["children"][0]["props"]["children"]
    assert heading[-1]["props"]["children"] == f"not finished: {len(tokens)} tokens so far"


def test_one_token_counts_while_it_is_made_and_waits_only_before(served: Page) -> None:
    said: list[str] = []
    teller = sweep.teller(SLOT, SLOT.unit, lambda value: said.append(value[1]), 0, 1)
    known = page(served, changed(clean="the moon apple dog the tree"), max_new_tokens=1)
    [recipe] = requested(served, known)["recipes"]
    heard: list[Any] = []
    served.engine.evaluate(parse_recipe(recipe), lambda *news: heard.append(news))
    teller(0, 1)
    teller(0, 1, heard[-1][2])
    assert said == ["waiting for its turn", "0 / 1 tokens · estimating"]
    assert (heard[-1][0], len(heard[-1][2].generated)) == (1, 1)


@pytest.mark.parametrize(
    "numbers",
    [{"max_new_tokens": "many"}, {"max_new_tokens": 201}, {"temperature": 10.5}, {"seed": -1, "temperature": 1.0}],
)
def test_a_number_that_no_text_can_be_generated_with_is_refused_in_the_panel(
    served: Page, numbers: dict[str, Any]
) -> None:
    assert state(drawn(served, page(served, experiment(), **numbers)), "generation") == "error"


def test_behind_another_workspace_nothing_is_asked(served: Page) -> None:
    given = {"experiment.data": experiment(), "status.data": READY, "view.data": view()}
    assert served.ask("digests-generation.data", given, "experiment.data") is None


def test_another_prompt_asks_to_generate_again(served: Page) -> None:
    generated(served, experiment())
    assert state(drawn(served, page(served, changed(clean="the tree apple house the tree"))), "generation") == "empty"


def test_the_digest_is_that_of_the_recipe_with_the_panels_numbers(served: Page) -> None:
    recipe = parse_experiment(experiment()).recipe("generation", max_new_tokens=4, temperature=0.0, seed=0)
    assert page(served, experiment())["digests-generation.data"]["baseline"] == served.engine.digest(recipe)
