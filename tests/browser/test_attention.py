"""Reading attention: the patterns of all heads."""

from collections.abc import Callable

from tests.browser.screen import Screen

_MIDDLE = """([layer, head]) => {
  const canvas = document.querySelector('#thumbnails canvas'), box = canvas.getBoundingClientRect();
  const {n_layers, n_heads} = microtome.shape();
  const inside = (start, whole, margin, at, count) => start + margin + (at + 0.5) * (whole - margin) / count;
  return [inside(box.left, box.width, 24, head, n_heads), inside(box.top, box.height, 17, layer, n_layers)];
}"""


def thumbnail(screen: Screen, layer: int, head: int) -> tuple[float, float]:
    """The middle of one head's thumbnail on the screen."""
    x, y = screen.page.evaluate(_MIDDLE, [layer, head])
    return x, y


def opened(visit: Callable[..., Screen]) -> Screen:
    """The attention workspace of the worked example, all heads painted."""
    screen = visit().ready("head-matrix", "attention", "components")
    screen.page.keyboard.press("2")
    screen.until("performance.getEntriesByName('microtome:thumbnails-painted').length > 0")
    return screen


def test_a_thumbnail_selects_its_head_everywhere(visit: Callable[..., Screen]):
    screen = opened(visit)
    screen.page.mouse.click(*thumbnail(screen, 12, 7))
    screen.shows_everywhere(["L12H7"])
    screen.page.keyboard.down("Shift")
    screen.page.mouse.click(*thumbnail(screen, 20, 1))
    screen.page.keyboard.up("Shift")
    screen.shows_everywhere(["L12H7", "L20H1"])
    screen.page.keyboard.press("ArrowUp")
    screen.shows_everywhere(["L19H1"])
    asked = len(screen.requests)
    screen.page.mouse.move(*thumbnail(screen, 3, 4))
    screen.until("document.querySelector('.mt-readout-tip').textContent === 'L3H4'")
    assert [url for url in screen.requests[asked:] if "/attention/" in url] == []
    label = screen.page.locator("#thumbnails canvas").get_attribute("aria-label")
    assert label is not None
    assert "L19H1 is the primary head" in label
