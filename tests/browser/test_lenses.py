"""Lenses on the page: another colour at once and without a request, tokens at the position selected, heads by what they
write."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen


def test_a_person_reads_the_lens_by_another_number_follows_a_token_and_finds_the_head_that_writes_it(
    visit: Callable[..., Screen],
) -> None:
    screen = visit().ready("lens")
    page = screen.page
    page.evaluate("microtome.dispatch({ type: 'set-view', workspace: 'residual' })")
    screen.ready("lens", "token-trajectory").settled()
    page.wait_for_selector("#component-lens-panel.is-ready")
    asked = len(screen.requests)
    page.locator("#lens-colour").select_option("kl_divergence")
    screen.until("microtome.graph('lens').data[0].colorbar.title.text.startsWith('KL')")
    assert not any("_dash-update-component" in url for url in screen.requests[asked:])
    page.evaluate("microtome.dispatch({ type: 'click-position', position: 3 })")
    expect(page.locator("#token-trajectory-of")).to_contain_text("at 3 ")
    page.locator("#component-rows button").first.click()
    assert page.locator("#component-rows tr.is-selected").count() == 1
    assert screen.session["residual"]["lens"]["colour"] == "kl_divergence"
