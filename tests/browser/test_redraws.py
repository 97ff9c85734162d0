"""No panel is drawn again that does not depend on what changed: every call into Plotly is counted, panel by panel."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.screen import Screen, experiment, link

COUNT = """() => {
  window.drawn = [];
  window.underway = 0;
  for (const name of ['react', 'newPlot', 'redraw', 'restyle', 'update', 'relayout']) {
    const call = Plotly[name];
    Plotly[name] = (gd, ...rest) => {
      window.drawn.push([microtome.panelOf(gd), name === 'relayout' ? 'marked' : 'drawn']);
      return call(gd, ...rest);
    };
  }
  const ask = window.unwatched = window.fetch;
  window.fetch = async (...given) => {
    window.underway += 1;
    try { return await ask(...given); } finally { window.underway -= 1; }
  };
}"""
QUIET = """async () => {
  const model = encodeURIComponent(JSON.stringify(microtome.session().experiment.model));
  let [seen, since] = [-1, performance.now()];
  while (performance.now() - since < 800) {
    await new Promise((done) => setTimeout(done, 40));
    const { running, waiting } = (await (await window.unwatched(`status?model=${model}`)).json()).queue;
    const busy = running + waiting + window.underway > 0 || document.querySelector('.mt-busy.is-on');
    if (busy || window.drawn.length !== seen) [seen, since] = [window.drawn.length, performance.now()];
  }
}"""
"""Nothing is asked, computed or drawn any more, for longer than the page waits until it tells of a selection."""
EVERY_RUN = {"head-matrix": 1, "trajectory": 1, "attention": 1, "lens": 1, "prediction": 1}


def counted(screen: Screen, gesture: Callable[[], Any], of: str = "drawn") -> dict[str, int]:
    """How often each panel was `drawn` (its figure) or `marked` (shapes, the picture of attention) by a gesture."""
    screen.page.evaluate("window.drawn.length = 0")
    gesture()
    screen.page.evaluate(QUIET)
    found: list[list[str]] = screen.page.evaluate("window.drawn")
    return {panel: found.count([panel, of]) for panel, how in found if how == of}


def opened(visit: Callable[..., Screen]) -> Screen:
    """The worked example with its heads swept, everything drawn, and every call counted from now on."""
    screen = visit().ready("head-matrix", "trajectory", "attention", "lens", "prediction", "components")
    expect(screen.page.locator("#head-matrix-text")).to_have_text("all heads done")
    screen.page.evaluate(COUNT)
    screen.page.evaluate(QUIET)
    return screen


def dispatched(screen: Screen, action: str) -> Callable[[], Any]:
    return lambda: screen.page.evaluate(f"microtome.dispatch({action})")


def test_selecting_marks_the_panels_that_show_heads_or_tokens_and_draws_none(visit: Callable[..., Screen]):
    screen = opened(visit)
    assert counted(screen, lambda: screen.click_head(12, 4), "marked") == {"head-matrix": 1, "trajectory": 1}
    assert counted(screen, lambda: screen.page.keyboard.press("ArrowDown")) == {}
    token = screen.page.locator("#token-strip [data-position='4']")
    assert counted(screen, token.click, "marked") == {"lens": 1, "attention": 1}
    assert counted(screen, screen.page.locator("#token-strip [data-position='6']").click) == {}


_PICTURE = """() => {
  const gd = microtome.graph('attention'), drawn = gd.querySelector('.imagelayer image');
  return [gd.layout.images[0].source, drawn.getAttributeNS('http://www.w3.org/1999/xlink', 'href')];
}"""


def test_the_picture_of_another_head_is_changed_in_place_and_a_full_redraw_agrees(visit: Callable[..., Screen]):
    screen = opened(visit)
    before = screen.page.evaluate(_PICTURE)
    screen.click_head(12, 4)
    screen.page.evaluate(QUIET)
    after = screen.page.evaluate(_PICTURE)
    assert after[0] == after[1] != before[0]
    screen.page.evaluate("Plotly.redraw(microtome.graph('attention'))")
    assert screen.page.evaluate(_PICTURE) == after


def test_a_selection_asks_no_callback_of_panels_that_are_not_on_screen(visit: Callable[..., Screen]):
    screen = opened(visit)
    screen.requests.clear()
    counted(screen, lambda: screen.click_head(12, 4))
    assert [url for url in screen.requests if "_dash-update-component" in url] == []
    assert screen.page.evaluate("microtome.propsOf('selection').data.primary") == {"layer": 12, "head": 4}
    marked = "Object.values(dash_mantine_components).filter(each => each && each.dashChildrenUpdate).length"
    assert screen.page.evaluate(marked) == 0  # each would be compared with all paths at every change


def test_the_theme_dresses_what_is_on_screen_and_the_rest_when_it_is_shown(visit: Callable[..., Screen]):
    screen = opened(visit)
    ink = "panel => document.querySelector(`#${panel} .js-plotly-plot`).layout.template.layout.font.color"
    dark = screen.page.evaluate("microtome.propsOf('templates').data.dark.layout.font.color")
    on_screen = {"head-matrix": 1, "trajectory": 1, "attention": 1}
    dressed = counted(screen, lambda: screen.page.evaluate("microtome.switchTheme()"), "marked")
    assert dressed.items() >= on_screen.items()
    assert {screen.page.evaluate(ink, panel) for panel in on_screen} == {dark}
    screen.page.keyboard.press("3")
    screen.page.evaluate(QUIET)
    assert screen.page.evaluate(ink, "lens") == dark


def test_pointing_draws_nothing_and_asks_nothing(visit: Callable[..., Screen]):
    screen = opened(visit)
    screen.requests.clear()
    assert counted(screen, lambda: screen.point("attention", 3, 5)) == {}
    expect(screen.page.locator(".mt-readout-tip")).to_contain_text("dest 5")
    assert counted(screen, screen.page.locator("#token-strip [data-position='4']").hover, "marked") == {}
    assert [url for url in screen.requests if "/status" not in url] == []


def test_another_number_draws_the_head_matrix_alone(visit: Callable[..., Screen]):
    screen = opened(visit)
    assert counted(screen, dispatched(screen, "{type: 'show-heads', quantity: 'zero'}")) == {"head-matrix": 1}


def test_another_workspace_draws_only_what_was_not_there_yet(visit: Callable[..., Screen]):
    screen = opened(visit)
    assert counted(screen, lambda: screen.page.keyboard.press("2")) == {"head-reading": 1}
    assert counted(screen, dispatched(screen, "{type: 'set-view', attention: {of: 'mean'}}")) == {"attention": 1}
    assert counted(screen, lambda: screen.page.keyboard.press("1")) == {}
    assert counted(screen, lambda: screen.page.keyboard.press("2")) == {}
    assert counted(screen, dispatched(screen, "{type: 'set-view', generation: {seed: 3}}")) == {}


def test_another_run_draws_every_panel_of_the_run_once(visit: Callable[..., Screen]):
    screen = opened(visit)
    screen.page.keyboard.press("a")
    expect(screen.page.locator("#prediction-of")).to_contain_text("intervened")
    expect(screen.page.locator("#head-matrix-text")).to_have_text("all heads done")
    screen.page.evaluate(QUIET)
    for show in ("baseline", "difference"):
        found = counted(screen, dispatched(screen, f"{{type: 'set-view', show: '{show}'}}"))
        # it hears what is shown and what it asks from two stores, which Dash does not always take together
        assert found.pop("head-matrix") in (1, 2)
        assert found == {panel: 1 for panel in EVERY_RUN if panel != "head-matrix"}


SMALL = experiment(
    "ground-truth", "river apple dog tree river apple dog", "river apple dog tree river apple tree", "tree", "dog"
)
LIBRARY = [
    {"name": "answer", "direction": {"kind": "tokens", "tokens": ["tree"], "minus": ["dog"], "matrix": "W_U"}},
    {"name": "random", "direction": {"kind": "random", "seed": 0}},
]
OF_A_DIRECTION = {"projection": 1, "writers": 1, "readers": 1, "distribution": 1}


def test_a_panel_of_a_direction_is_drawn_once_and_only_for_what_it_shows(visit: Callable[..., Screen]):
    here = {"workspace": "residual", "section": "direction"}
    screen = visit(link(SMALL, view=here, directions=LIBRARY)).ready(*OF_A_DIRECTION)
    screen.page.evaluate(COUNT)
    screen.page.evaluate(QUIET)
    assert counted(screen, dispatched(screen, "{type: 'click-head', layer: 1, head: 2}")) == {}
    at_a_token = counted(screen, dispatched(screen, "{type: 'click-position', position: 3}"))
    assert at_a_token == {"writers": 1, "distribution": 1}
    assert counted(screen, dispatched(screen, "{type: 'show-residual', readers: {by: 'norm'}}")) == {"readers": 1}
    others = counted(screen, dispatched(screen, "{type: 'show-residual', direction: 'random'}"))
    assert {panel: count for panel, count in others.items() if panel != "head-matrix"} == OF_A_DIRECTION
    screen.requests.clear()
    again = counted(screen, dispatched(screen, "{type: 'show-residual', direction: 'answer'}"))
    assert {panel: count for panel, count in again.items() if panel != "head-matrix"} == OF_A_DIRECTION
    assert [url for url in screen.requests if "/panel/" in url] == []  # it was looked at before
