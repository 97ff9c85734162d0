"""Who feeds a head: pick it, run its paths, click the strongest sender, go on from there, or hold the receiver."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen

_STRONGEST = """() => {
  const {z} = microtome.graph('paths')._fullData[0];
  const cells = Array.from(z, (row) => Array.from(row)).flatMap((row, y) => row.map((value, x) => ({value, x, y})));
  const known = cells.filter(({value}) => Number.isFinite(value));
  return known.reduce((best, cell) => Math.abs(cell.value) > Math.abs(best.value) ? cell : best);
}"""


def test_from_a_head_to_the_heads_that_feed_it(visit: Callable[..., Screen]):
    screen = visit().ready("prediction")
    screen.page.keyboard.press("4")
    run(screen, "L23H3.q")
    sender = click_the_strongest(screen)
    assert screen.heads == [sender], "the sender is selected everywhere"
    run(screen, f"{sender}.q")
    screen.page.keyboard.press("z")
    expect(screen.page.locator("#paths-of")).to_contain_text("L23H3.q")
    screen.page.locator("#paths-hold-field label").first.click()
    assert screen.session["sweep"]["paths"]["receiver"] == {"layer": 23, "head": 3}
    held = click_the_strongest(screen)
    assert screen.heads == [held]
    expect(screen.page.locator("#paths-of")).to_contain_text("L23H3.q")
    expect(screen.page.locator("#paths-text")).to_have_text("all paths done")


def run(screen: Screen, into: str) -> None:
    """Its paths are quick on this prompt and start by themselves, unless the machine is slow: then by the button."""
    start = screen.page.locator("#paths-start")
    screen.until(
        "/done|about/.test(document.getElementById('paths-text').textContent)"
        f" && (document.getElementById('paths-of').textContent.includes('{into}')"
        " || !document.getElementById('paths-start').disabled)"
    )
    if start.is_enabled() and "about" in (screen.page.locator("#paths-text").text_content() or ""):
        start.click()
    expect(screen.page.locator("#paths-of")).to_contain_text(f"path patching into {into} (denoising)")
    expect(screen.page.locator("#paths-text")).to_have_text("all paths done")


def click_the_strongest(screen: Screen) -> str:
    cell = screen.page.evaluate(_STRONGEST)
    screen.click_on("paths", cell["x"], cell["y"])
    return f"L{cell['y']}H{cell['x']}"
