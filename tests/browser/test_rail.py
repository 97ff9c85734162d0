"""The rail by hand: prompts pasted, refused, chosen by keys; interventions of any kind added, refused and edited."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen, experiment, link

SMALL = experiment(
    "ground-truth", "river apple house tree river apple", "river apple dog tree river apple", "house", "dog"
)
PASTED = "the dog sun moon\tthe cat sun moon\tdog\tcat\nthe sea ship road\tthe sea ship door\troad\tdoor\n"

Visit = Callable[..., Screen]


def test_pasted_prompts_are_refused_by_number_then_added_then_chosen_with_arrows(visit: Visit):
    screen = visit(link(SMALL)).ready("prediction")
    screen.page.locator("#prompts-open").click()
    paste(screen, PASTED.replace("sun", "elephant"))
    expect(screen.page.locator("#prompts-refusal")).to_contain_text("Prompt 0 (the dog elephant moon)")
    screen.page.locator("#prompts-current").click()
    expect(screen.page.locator("#prompts-refusal")).to_contain_text("The text that you typed stays")
    assert "elephant" in screen.page.locator("#prompts-text").input_value()
    paste(screen, PASTED)
    expect(screen.page.locator("#prompt-list [data-prompt]")).to_have_count(3)
    expect(screen.page.get_by_role("dialog")).to_be_hidden()
    screen.page.locator("#prompt-list .is-chosen .mt-prompt-choose").focus()
    screen.page.keyboard.press("ArrowDown")
    screen.page.keyboard.press("ArrowDown")
    assert screen.session["selection"]["prompt"] == 2
    expect(screen.page.locator("#clean-prompt")).to_have_value("the sea ship road")
    screen.page.locator("[data-prompt='2'] .mt-remove").click()
    assert [pair["clean"] for pair in screen.session["experiment"]["prompts"]][1:] == ["the dog sun moon"]


def paste(screen: Screen, text: str) -> None:
    screen.page.locator("#prompts-text").fill(text)
    screen.until("microtome.propsOf('prompts-text').value === document.getElementById('prompts-text').value")
    screen.page.locator("#prompts-add").click()


def test_an_intervention_of_any_kind_is_refused_in_its_form_then_added_then_edited(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix")
    screen.click_head(1, 2)
    screen.page.keyboard.press("e")
    screen.page.locator("#form-kind").get_by_text("Knock out edges").click()
    expect(screen.page.locator("#form-layers")).to_have_value("1")
    expect(screen.page.locator("#form-positions")).to_be_hidden()
    apply_edges(screen, "1→4")
    expect(screen.page.locator("#form-refusal")).to_contain_text("key <= query")
    apply_edges(screen, "4→1")
    expect(screen.page.locator("[data-intervention='0']")).to_contain_text("knock out L1H2 4→1")
    screen.page.locator("[data-intervention='0']").hover()
    screen.page.locator("[data-intervention='0'] .mt-edit").click()
    apply_edges(screen, "4→1, 4→2")
    expect(screen.page.locator("[data-intervention='0']")).to_contain_text("knock out L1H2 4→1 4→2")
    assert screen.interventions == [True]


def apply_edges(screen: Screen, text: str) -> None:
    screen.page.locator("#form-edges").fill(text)
    screen.page.locator("#form-apply").click()


def test_an_answer_that_is_no_token_is_named_and_run_asks_once_more(visit: Visit):
    screen = visit(link(SMALL)).ready("prediction")
    screen.page.locator("#answer").type("elephant")
    expect(screen.page.get_by_text("not in the vocabulary")).to_be_visible()
    screen.page.locator("#answer").press("Tab")
    expect(screen.page.locator("#refusal-text")).to_contain_text("“elephant” was not chosen")
    screen.run()
    expect(screen.page.locator("#refusal-text")).to_contain_text("“elephant” was not chosen")
    expect(screen.page.locator("#refusal-text")).to_contain_text("press Run again to go on with house")
    screen.run()
    expect(screen.page.locator("#refusal-text")).to_be_empty()


def test_enter_takes_what_was_typed_as_an_answer_also_before_its_list_is_there(visit: Visit):
    screen = visit(link(SMALL)).ready("prediction")
    field = screen.page.locator("#answer")
    for typed in ("river", "tre"):
        field.fill(typed)
        field.press("Enter")
        screen.until(f"microtome.propsOf('answer').value.some(token => token.startsWith('{typed}'))")
    field.press("Tab")
    assert screen.page.evaluate("microtome.propsOf('answer').value") == ["house", "river", "tree"]
    expect(screen.page.locator("#refusal-text")).to_be_empty()


def test_an_answer_taken_away_is_an_edit_that_was_not_run(visit: Visit):
    screen = visit(link(SMALL)).ready("prediction")
    screen.page.locator("#answer").press("Backspace")
    expect(screen.page.locator("#draft-hint")).to_contain_text("edited, not run yet")


def test_the_list_scrolls_to_a_prompt_that_is_chosen_elsewhere(visit: Visit):
    words = ["the", "dog", "cat", "sun", "moon", "sea", "ship", "road", "door", "house", "tree", "river", "apple"]
    prompts = [{**SMALL["prompt"], "clean": f"{word} apple house tree river apple"} for word in words]
    screen = visit(link({**SMALL, "prompts": [SMALL["prompt"], *prompts]})).ready("prediction")
    screen.page.evaluate("microtome.dispatch({type: 'select-prompt', index: 12})")
    screen.until(
        "(() => { const list = document.getElementById('prompt-list').getBoundingClientRect(),"
        " row = document.querySelector('#prompt-list .is-chosen').getBoundingClientRect();"
        " return row.top >= list.top && row.bottom <= list.bottom + 1; })()"
    )


def test_what_was_drawn_before_an_intervention_is_marked_until_it_is_drawn_again(visit: Visit):
    screen = visit(link(SMALL)).ready("prediction", "head-matrix")
    screen.click_head(1, 2)
    screen.page.evaluate(
        "window.marked = []; new MutationObserver((all) => all.forEach(({target}) => window.marked.push("
        "[target.id, target.hasAttribute('data-stale')]))).observe(document.body,"
        " {subtree: true, attributeFilter: ['data-stale']})"
    )
    screen.page.keyboard.press("a")
    screen.until("window.marked.some(([id, on]) => id === 'prediction-panel' && on)")
    screen.until("!document.querySelector('[data-stale]')")
    assert not [id for id, on in screen.page.evaluate("window.marked") if id == "token-strip" and on]
