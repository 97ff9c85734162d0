"""The card of the primary head: follows the selection by itself, keeps what is written, leaves as text."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen


def opened(visit: Callable[..., Screen]) -> Screen:
    """The attention workspace with the card drawn."""
    screen = visit().ready("head-matrix", "attention", "components")
    screen.page.keyboard.press("2")
    screen.page.wait_for_selector("#head-card-panel.is-ready")
    return screen


def test_the_card_follows_the_selection_without_asking_and_keeps_the_note(visit: Callable[..., Screen]):
    screen = opened(visit)
    page = screen.page
    expect(page.locator("#card-rows")).to_contain_text("direct attribution")
    before = page.locator("#card-rows").inner_text()
    page.fill("#role-note", "name mover")
    asked = len(screen.requests)
    page.evaluate("microtome.dispatch({type: 'click-head', layer: 12, head: 7})")
    expect(page.locator("#card-label")).to_have_text("L12H7")
    assert page.locator("#card-rows").inner_text() != before
    assert [url for url in screen.requests[asked:] if "head-card" in url] == []
    expect(page.locator("#role-note")).to_have_value("")
    page.evaluate("microtome.dispatch({type: 'click-head', layer: 23, head: 3})")
    expect(page.locator("#role-note")).to_have_value("name mover")
    page.click("#card-copy")
    expect(page.get_by_text("Card copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("L23H3")
    assert "direct attribution: +" in copied
    assert copied.endswith("Role: name mover")


def test_the_reading_is_of_the_primary_head_and_the_selected_query(visit: Callable[..., Screen]):
    screen = opened(visit)
    said = screen.page.locator("#head-reading-of")
    expect(said).to_contain_text("L23H3 from 14 ·to")
    screen.page.evaluate("microtome.dispatch({type: 'click-position', position: 4})")
    expect(said).to_contain_text("L23H3 from 4 ·John")
