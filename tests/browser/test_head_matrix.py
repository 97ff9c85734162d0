"""Any number per head: choose one, ask by a query, and find it again from the link."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen, experiment, link

Visit = Callable[..., Screen]
ALONE = experiment("smollm2-135m", "The keys to the old cabinet", "The key to the old cabinet", " are", " is")
"""No other journey computes anything of this pair."""
SAID = re.compile(r"^zero ablation against direct logit attribution: Pearson −0\.\d+ · Spearman −0\.\d+ · 270 heads$")
ON_THE_RIGHT = """([x, y]) => {
  const gd = document.querySelector("#head-matrix .js-plotly-plot"), box = gd.getBoundingClientRect();
  const {xaxis2, yaxis} = gd._fullLayout;
  return [box.left + xaxis2._offset + xaxis2.d2p(x), box.top + yaxis._offset + yaxis.d2p(y)];
}"""


def test_a_score_is_chosen_a_query_selects_and_the_link_brings_both_back(visit: Visit):
    screen = visit().ready("head-matrix", "components", "attention")
    screen.choose("quantity", "induction score")
    screen.until("(microtome.graph('head-matrix').data[0].hovertext[0][0] || '').includes('induction score')")
    query = screen.page.locator("#head-query input")
    query.fill("induct")
    query.press("Tab")
    expect(query).to_have_value("induction")
    query.fill("induction > 0.5 and layer < 20")
    query.press("Enter")
    expect(screen.page.locator("#head-query [role=status]")).to_contain_text("of 270 heads match")
    assert screen.heads
    screen.shows_everywhere(screen.heads)
    screen.until("location.hash.startsWith('#s=')")
    chosen = screen.heads
    again = visit(screen.page.evaluate("microtome.address()")).ready("head-matrix")
    assert (again.session["heads"]["quantity"], again.heads) == ("induction", chosen)


def test_a_query_that_is_none_says_where_and_selects_nothing(visit: Visit):
    screen = visit(link(ALONE)).ready("head-matrix")
    before = screen.heads
    query = screen.page.locator("#head-query input")
    query.fill("directly > 2")
    query.press("Enter")
    said = screen.page.locator("#head-query [role=status]")
    expect(said).to_contain_text("At 1: there is no “directly”")
    query.fill("zero > 0.9")
    query.press("Enter")
    expect(said).to_contain_text("Choose zero ablation above to compute it")
    assert screen.heads == before


def test_a_number_that_is_there_is_drawn_without_the_server(visit: Visit):
    screen = visit().ready("head-matrix")
    screen.choose("quantity", "entropy")
    screen.until("(microtome.graph('head-matrix').data[0].hovertext[0][0] || '').includes('entropy of attention')")
    screen.choose("quantity", "direct attribution")
    screen.until("microtome.graph('head-matrix').data[0].hovertext[0][0].includes('direct logit attribution')")
    asked = screen.page.evaluate("microtome.propsOf('matrix-asked').data")
    screen.choose("quantity", "entropy")
    screen.until("microtome.graph('head-matrix').data[0].hovertext[0][0].includes('entropy of attention')")
    assert screen.page.evaluate("microtome.propsOf('matrix-asked').data") == asked


def test_a_preset_is_a_scatter_whose_brush_selects_everywhere_and_the_link_brings_it_back(visit: Visit):
    screen = visit().ready("head-matrix", "components", "attention")
    screen.page.get_by_role("button", name="Scatter").click()
    screen.until("microtome.metaOf(microtome.graph('head-matrix')).drawn === 'scatter'")
    screen.page.get_by_label("What is compared").select_option(label="Direct vs total")
    screen.until("microtome.graph('head-matrix').data[0].customdata.length === 270")
    expect(screen.page.locator("#head-matrix .js-plotly-plot")).to_have_attribute("aria-label", SAID)
    screen.drag("head-matrix", (2.0, -4.0), (3.2, -2.0))
    assert screen.heads == ["L23H3"]
    screen.until("microtome.graph('head-matrix').layout.shapes.map(({name}) => name).join() === 'primary'")
    screen.page.get_by_role("button", name="Two maps").click()
    screen.until("microtome.metaOf(microtome.graph('head-matrix')).drawn === 'maps'")
    screen.shows_everywhere(["L23H3"])
    screen.page.keyboard.press("z")
    screen.until("microtome.metaOf(microtome.graph('head-matrix')).drawn === 'scatter'")
    again = visit(screen.page.evaluate("microtome.address()")).ready("head-matrix")
    again.until("microtome.metaOf(microtome.graph('head-matrix')).drawn === 'scatter'")
    assert (again.session["heads"]["scatter"], again.heads) == (True, ["L23H3"])
    expect(again.page.get_by_label("What is compared")).to_have_value("total")


def test_a_click_on_either_of_two_maps_selects_the_head_below_it(visit: Visit):
    screen = visit().ready("head-matrix")
    screen.page.get_by_role("button", name="Two maps").click()
    screen.until("microtome.metaOf(microtome.graph('head-matrix')).drawn === 'maps'")
    screen.click_on("head-matrix", 5, 10)
    assert screen.heads == ["L10H5"]
    at = screen.page.evaluate(ON_THE_RIGHT, [4, 12])
    screen.page.mouse.click(*at)
    assert screen.heads == ["L12H4"]
    assert screen.marked_heads() == ["L12H4"]


def test_nobody_is_told_to_press_what_is_on_its_way(visit: Visit):
    pair = ("river apple house tree river apple", "river apple dog tree river apple", "house", "dog")
    screen = visit(link(experiment("ground-truth", *pair))).ready("head-matrix").settled()
    said, turn = screen.page.locator("#head-matrix-message"), screen.page.locator("#head-matrix-panel .mt-turn")
    screen.page.evaluate("dash_clientside.set_props('head-matrix-panel', {className: 'mt-panel is-empty'})")
    for idle in (False, True):  # whether Cancel is off, which Dash turns on while a sweep runs or waits
        screen.page.evaluate("idle => dash_clientside.set_props('head-matrix-cancel', {disabled: idle})", idle)
        expect(said).to_be_visible(visible=idle)
        expect(turn).to_be_visible(visible=not idle)
