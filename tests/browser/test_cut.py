"""Knocking out edges on the attention matrix: mark them, see what that does, make it an intervention, take it back."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Route, expect

from tests.browser.screen import Screen, experiment, link

CORNERS = """([x, y]) => {
  const gd = document.querySelector('#attention .js-plotly-plot'), box = gd.getBoundingClientRect();
  const {xaxis, yaxis} = gd._fullLayout;
  return [box.left + xaxis._offset + xaxis.d2p(x), box.top + yaxis._offset + yaxis.d2p(y)];
}"""


def part(screen: Screen, name: str) -> Any:
    """One part of the line of the cut."""
    return screen.page.locator(f"#cut [data-cut={name}]")


def drag(screen: Screen, first: tuple[float, float], last: tuple[float, float]) -> None:
    """Over cells of the matrix, from (dest, src) to (dest, src)."""
    (x0, y0), (x1, y1) = (screen.page.evaluate(CORNERS, [src, dest]) for dest, src in (first, last))
    screen.page.mouse.move(x0, y0)
    screen.page.mouse.down()
    screen.page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2, steps=3)
    screen.page.mouse.move(x1, y1, steps=3)
    screen.page.mouse.up()


def effect(screen: Screen) -> list[float]:
    """The logit differences before and after, once the cut that is marked has been computed."""
    expect(part(screen, "apply")).to_be_enabled()
    title = part(screen, "effect").get_attribute("title") or ""
    before, after = title.removeprefix("LD ").split(":")[0].split(" → ")
    return [float(before), float(after)]


def opened(visit: Callable[..., Screen]) -> Screen:
    """The worked example, cutting."""
    screen = visit().ready("head-matrix", "attention", "components", "prediction")
    screen.until("microtome.attention.now() !== null")
    screen.page.keyboard.press("c")
    expect(screen.page.locator("#cut")).to_be_visible()
    expect(screen.page.locator("#attention-head")).to_have_text("L23H3")  # what the matrix shows is still said
    return screen.still("attention")


def test_a_dragged_rectangle_says_its_effect_joins_the_interventions_and_is_undone(visit: Callable[..., Screen]):
    screen = opened(visit)
    drag(screen, (13, 9), (14, 10))
    expect(part(screen, "what")).to_have_text("L23H3 · 13→9 13→10 14→9 14→10")
    before, after = effect(screen)
    assert after < before - 1  # the name mover no longer reads the name
    assert screen.session["selection"]["positions"] == []
    assert [name for name, _, _ in screen.shapes("attention")] == ["cut"]
    expect(part(screen, "effect")).to_contain_text("→")

    part(screen, "apply").click()
    row = screen.page.locator("[data-intervention='0']")
    expect(row).to_contain_text("knock out L23H3 13→9 13→10 14→9 14→10")
    assert screen.session["view"]["show"] == "intervened"
    shown = screen.page.locator("#readout .mt-value b").first
    expect(shown).to_have_attribute("title", repr(after))  # the whole run says the same number
    assert screen.shapes("attention") == []

    screen.page.keyboard.press("z")
    assert screen.interventions == []
    assert screen.session["view"]["show"] == "baseline"
    screen.page.keyboard.press("Escape")
    expect(screen.page.locator("#cut")).to_be_hidden()
    assert screen.heads == ["L23H3"]
    screen.click_on("attention", 3, 5)
    assert screen.session["selection"]["positions"] == [5]


def test_clicks_and_shift_mark_and_a_value_is_refused_or_set(visit: Callable[..., Screen]):
    screen = opened(visit)
    screen.click_on("attention", 10, 14)
    screen.click_on("attention", 4, 14)
    expect(part(screen, "what")).to_have_text("L23H3 · 14→4 14→10")
    both = effect(screen)
    screen.click_on("attention", 4, 14)
    expect(part(screen, "what")).to_have_text("L23H3 · 14→10")
    assert effect(screen) != both
    screen.click_on("attention", 12, 3)
    expect(part(screen, "what")).to_contain_text("no key after itself")
    screen.page.keyboard.down("Shift")
    drag(screen, (5, 1), (6, 2))
    screen.page.keyboard.up("Shift")
    expect(part(screen, "what")).to_have_text("L23H3 · 5 edges 5→1 5→2 …")

    part(screen, "value").fill("2")
    expect(part(screen, "effect")).to_contain_text("between 0 and 1")
    expect(part(screen, "apply")).to_be_disabled()
    part(screen, "value").fill("")
    expect(part(screen, "what")).to_contain_text("a number between 0 and 1")
    expect(part(screen, "apply")).to_be_disabled()
    part(screen, "value").fill("0.2")
    part(screen, "renormalise").check()
    expect(part(screen, "apply")).to_have_text("Set to 0.2")
    effect(screen)
    part(screen, "apply").click()
    (made,) = screen.session["experiment"]["interventions"]
    assert (made["intervention"]["value"], made["intervention"]["renormalise"]) == (0.2, True)


SMALL = experiment(
    "ground-truth", "river apple house tree river apple", "river apple dog tree river apple", "house", "dog"
)


def test_cutting_moves_no_cell_and_ends_where_the_matrix_is_left(visit: Callable[..., Screen]):
    screen = visit(link(SMALL)).ready("head-matrix")
    screen.click_head(1, 2)
    screen.until("microtome.attention.now() !== null")
    screen.page.keyboard.press("c")  # where the matrix is small there is no room for it
    expect(screen.page.locator("#cut")).to_be_visible()
    assert screen.session["view"]["workspace"] == "attention"
    during = screen.still("attention").settled().page.evaluate(CORNERS, [3, 3])
    screen.page.keyboard.press("c")
    assert screen.still("attention").settled().page.evaluate(CORNERS, [3, 3]) == during
    screen.page.keyboard.press("c")
    screen.page.keyboard.press("4")
    expect(screen.page.locator("#cut")).to_be_hidden()
    screen.page.keyboard.press("1")
    screen.page.locator("#head-matrix-panel .mt-help").first.hover()
    expect(screen.page.locator("#help-card")).to_be_visible()
    screen.page.keyboard.press("Escape")  # closes the card and nothing else
    expect(screen.page.locator("#help-card")).to_be_hidden()
    assert screen.heads == ["L1H2"]
    screen.page.keyboard.press("Escape")
    assert screen.heads == []


def holding(screen: Screen) -> Callable[[int], Route]:
    """Trials wait until the test lets them go; `nth` waits for one to be asked."""
    held: list[Route] = []
    screen.page.route("**/trial", lambda route: held.append(route))

    def nth(at: int) -> Route:
        while len(held) <= at:
            screen.page.wait_for_timeout(20)
        assert len(held) == at + 1  # one at a time
        return held[at]

    return nth


def test_an_answer_that_comes_late_is_not_shown_beside_other_edges_and_the_newest_are_asked_next(
    visit: Callable[..., Screen],
):
    screen = opened(visit)
    screen.click_on("attention", 10, 14)
    effect(screen)
    nth = holding(screen)
    for src in (4, 9, 2):
        screen.click_on("attention", src, 14)
        expect(part(screen, "effect")).to_have_text("computing …")  # and nothing of the edges before
        nth(0)
    nth(0).fulfill(json={name: {"logit_diff": number} for name, number in (("before", 1.0), ("after", 77.0))})
    asked = json.loads(nth(1).request.post_data or "")["interventions"]
    assert asked[0]["edges"] == [[14, 2], [14, 4], [14, 9], [14, 10]]
    expect(part(screen, "effect")).to_have_text("computing …")
    nth(1).fulfill(json={"problem": "Busy; try again.", "again": True})
    expect(part(screen, "effect")).to_have_text("Busy; try again.")
    expect(part(screen, "apply")).to_have_text("Try again")
    part(screen, "apply").click()
    nth(2).continue_()
    before, after = effect(screen)
    assert after < before - 1
    expect(part(screen, "apply")).to_have_text("Knock out")


def test_edges_between_selected_tokens_are_knocked_out_in_all_heads_without_a_mouse(
    visit: Callable[..., Screen],
):
    screen = visit().ready("head-matrix", "attention", "components")
    screen.click_head(20, 1, add=True)
    press = screen.page.keyboard.press
    press("x")
    expect(part(screen, "what")).to_contain_text("two tokens")
    for position in (10, 14):
        add = json.dumps({"type": "click-position", "position": position, "add": True})
        screen.page.evaluate(f"microtome.dispatch({add})")
    press("x")
    expect(part(screen, "what")).to_have_text("L23H3, L20H1 · 14→10")
    effect(screen)
    expect(part(screen, "apply")).to_be_focused()
    press("Enter")
    rows = screen.page.locator("#interventions [data-intervention]")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("knock out L20H1 14→10")
    press("z")
    expect(rows).to_have_count(0)
