"""What has little room or nothing to show says all of it: axis labels, colour bars, chips, answers, empty figures."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.screen import Screen, experiment, link

Visit = Callable[..., Screen]
WORDS = "river apple dog tree river apple the sea ship road door sun moon cat river"
SMALL = experiment("ground-truth", f"{WORDS} house", f"{WORDS} dog", "house", "dog")
BAR = """() => {
  const texts = [...document.querySelectorAll("#attention .colorbar text")];
  const boxes = (wanted) => texts.filter((text) => text.textContent.includes("attention") === wanted)
    .map((text) => text.getBoundingClientRect());
  return [Math.max(...boxes(false).map((box) => box.right)), boxes(true)[0].left];
}"""
ROWS = """() => [...document.querySelectorAll("#attention .ytick text")].map((text) => text.getBoundingClientRect())
  .map(({top, bottom}) => [top, bottom]).sort((one, other) => one[0] - other[0])"""
BEYOND = """() => [...document.querySelectorAll("#selection-bar button, .mt-header :is(button, input, label)")]
  .filter((part) => part.getClientRects().length)
  .filter((part) => part.getBoundingClientRect().right > innerWidth || part.matches("button") && part.clientWidth < 14)
  .map((part) => part.id || part.textContent)"""

FITS = """[...document.querySelectorAll(".js-plotly-plot")].filter((gd) => gd.offsetParent).every(
  ({_fullLayout: {width, height}, clientWidth, clientHeight}) =>
    Math.abs(width - clientWidth) < 2 && Math.abs(height - clientHeight) < 2)"""


@pytest.fixture
def screen(visit: Visit) -> Screen:
    """A head of a small model on a prompt of sixteen tokens."""
    found = visit(link(SMALL)).ready("head-matrix")
    found.click_head(1, 2)
    return found.until("microtome.attention.now() !== null").settled()


def shown(screen: Screen, **attention: Any) -> None:
    screen.page.evaluate("attention => microtome.dispatch({type: 'set-view', attention})", attention)


def test_the_small_attention_panel_labels_as_many_tokens_as_have_room(screen: Screen):
    rows = screen.page.evaluate(ROWS)
    assert 1 < len(rows) <= 16
    assert all(upper[1] <= lower[0] + 2 for upper, lower in pairwise(rows))
    screen.page.set_viewport_size({"width": 1000, "height": 800})  # the frame of a notebook: every control in reach
    assert screen.page.evaluate(BEYOND) == []
    expect(screen.page.locator("#selection-bar-chips [data-kind=primary]")).to_be_in_viewport(ratio=1)


def test_the_attention_panel_says_what_it_lacks_and_its_colour_bar_keeps_its_title_off_its_ticks(screen: Screen):
    screen.page.keyboard.press("2")
    shown(screen, minus="pinned")
    expect(screen.page.locator("#attention-why")).to_have_text("Pin a head (p) to compare with.")
    shown(screen, minus=None, by="output_norm")
    expect(screen.page.locator("#attention-why")).to_be_hidden()
    screen.until("microtome.graph('attention').layout.coloraxis.colorbar.title.text.includes('W_O')")
    screen.until(f"(([ticks, title]) => ticks <= title)(({BAR})())")
    expect(screen.page.locator("#thumbnails-scale")).to_have_text("01")
    screen.point("attention", 1, 3)
    expect(screen.page.locator(".mt-readout-tip")).to_be_visible()
    screen.page.keyboard.press("?")
    expect(screen.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    expect(screen.page.locator(".mt-readout-tip")).to_be_hidden()
    screen.page.keyboard.press("Escape")


def test_chips_without_room_are_counted_and_a_typed_answer_has_its_own_line(screen: Screen):
    chips = screen.page.locator("#selection-bar-chips")
    assert chips.get_attribute("data-more") is None
    screen.page.evaluate("microtome.dispatch({type: 'set-heads', heads: [0, 1].flatMap((layer) =>"
                         " [0, 1, 2, 3].map((head) => ({layer, head})))})")  # fmt: skip
    more = chips.get_attribute("data-more")
    assert more is not None
    assert 0 < int(more) < 8
    field = screen.page.locator("#answer")
    run = screen.page.locator("#run").bounding_box()
    field.click()
    assert screen.page.locator("#run").bounding_box() == run  # else a press that leaves the field misses it
    assert field.evaluate("field => field.clientWidth > 0.8 * field.parentElement.clientWidth")
    screen.page.locator("#clean-prompt").fill("")
    screen.run()
    expect(screen.page.locator("#refusal-text")).to_contain_text("empty")
    screen.page.locator("#clean-prompt").fill("the dog")
    expect(screen.page.locator("#refusal-text")).to_be_empty()


def test_figures_keep_to_the_room_of_their_panels(screen: Screen):
    page = screen.page
    page.keyboard.press("3")
    page.evaluate("microtome.dispatch({type: 'set-view', section: 'direction'})")
    page.click("[data-example-direction]")
    for panel in ("projection", "writers", "readers", "distribution"):
        screen.ready(panel)
    screen.until(FITS)
    page.set_viewport_size({"width": 1180, "height": 760})
    screen.until(FITS)
    page.evaluate("microtome.dispatch({type: 'click-position', position: 3})")
    screen.settled().until(FITS)
