"""Any number per head: choose one, ask by a query, and find it again from the link."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen, experiment, link

Visit = Callable[..., Screen]
ALONE = experiment("smollm2-135m", "The keys to the old cabinet", "The key to the old cabinet", " are", " is")
"""No other journey computes anything of this pair."""


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
