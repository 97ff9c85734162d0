"""How long the hand waits, in Chromium on this machine: from the event to what is drawn, median and 90th percentile.

- attention: pointer down on the head matrix -> the primary head's pattern painted. First: heads not looked at before,
  whose picture the server makes; cached: the same heads again. Reference: a bare Dash page in the same browser and
  run, whose callback returns the whole figure (benchmarks/plain_dash.py).
- highlight: pointer up -> the next frame, and in how many clicks every panel showed the new selection in that frame.
- quantity: another number chosen -> the head matrix repainted, numbers that are there; and where they must be computed.
- thumbnails: patterns of all heads that are there -> painted on a finer canvas, and the next frame.
- theme: the switch -> every figure on screen in the other colours, in the *Attention* workspace.
- hover: requests that left the page while the pointer moved over every panel.
- new prompt: Run pressed -> the new prompt's pattern painted: everything is computed.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from app.domain.prompts import PromptPair
from app.domain.session import WORKED_EXAMPLE, session_dict
from benchmarks.asked import Asked
from benchmarks.gestures import PAUSE_MS, row, share, until_quiet
from benchmarks.page import NUMBERS_ON_SCREEN, answers, chromium, server
from benchmarks.plain_dash import HEADS, LAYERS, plain_dash

CLICKS = 25
LENGTHS = {64: 7, 256: 28}
"""Tokens, and how often the beginning is repeated for about so many (68 and 257)."""
QUANTITIES = ("entropy", "attention_to_first", "output_norm", "direct")
_CLOCK = """(() => {
document.addEventListener('pointerdown', () => { window.down = performance.now(); }, true);
document.addEventListener('pointerup', () => { window.up = performance.now(); }, true);
window.highlights = [];
const mark = performance.mark.bind(performance);
const name = ({layer, head}) => `L${layer}H${head}`;
performance.mark = (label, ...rest) => {
  if (label === 'microtome:select') requestAnimationFrame(() => {
    const {primary} = microtome.session().selection, shapes = microtome.graph('head-matrix').layout.shapes || [];
    const shown = [
      shapes.some(s => s.name === 'primary' && s.x0 === primary.head - 0.5 && s.y0 === primary.layer - 0.5),
      document.getElementById('selection-bar-chips').textContent.includes(name(primary)),
      document.getElementById('attention-head').textContent.includes(name(primary)),
      dash_ag_grid.getApi('components').getSelectedNodes().some(node => node.id === name(primary)),
      (microtome.graph('trajectory').layout.shapes || []).length > 0,
    ];
    highlights.push([performance.now() - window.up, shown.every(Boolean)]);
  });
  return mark(label, ...rest);
};
})()"""
_COLOURED = """quantity => {
  window.painted = performance.now();
  const said = microtome.graph('head-matrix').data[0].hovertext[0][0] || '';
  return said.includes(microtome.headChoices()[quantity].words);
}"""
_OTHER_PICTURE = """before => {
  window.painted = performance.now();
  const image = (microtome.graph('attention').layout.images || [])[0];
  const other = microtome.attention.wanted();
  if (!other || other.picture === before || !image) return false;
  window.was = window.was || image.source;
  return image.source !== window.was;
}"""
_FINER = """Object.defineProperty(window, 'devicePixelRatio', {{value: 1 + {0} / 8, configurable: true}});
document.getElementById('thumbnails').style.maxHeight = (500 - {0}) + 'px'"""
_PAINTED = "microtome:attention-painted"


def run(asked: Asked) -> dict[str, Any]:
    """One row per gesture and number of tokens."""
    rows: list[dict[str, Any]] = []
    for tokens, repeats in LENGTHS.items():
        reference = plain_clicks(tokens)
        with chromium() as page, server() as (address, _, _began):
            answers(address)
            rows += [{"tokens": tokens, **each} for each in _measured(page, address, repeats, reference)]
    return {
        "what": f"milliseconds from an event to what is drawn, {CLICKS} clicks each, the whole workbench on the page",
        "reference": "clicks: a bare Dash page whose server callback returns the whole figure as go.Heatmap",
        "rows": rows,
    }


def _measured(page: Any, address: str, repeats: int, reference: list[float]) -> list[dict[str, Any]]:
    page.add_init_script(_CLOCK)
    page.goto(address + _link("When Mary and John went to the store, " * repeats + "John gave a drink"))
    page.wait_for_function(NUMBERS_ON_SCREEN, timeout=300_000)
    page.wait_for_selector("#attention .imagelayer image", state="attached", timeout=300_000)
    until_quiet(page)
    first, cached = _clicks(page, "#head-matrix", _marked(_PAINTED), lambda: _since(page, _PAINTED, "down"))
    frames = page.evaluate("highlights")
    return [
        row("attention, first look at a head", first),
        row("attention, cached", cached, reference),
        row("highlight in every panel", [ms for ms, _ in frames], share=share(each for _, each in frames)),
        *_quantities(page),
        {"gesture": "hover over every panel", "requests": _hovered(page)},
        row("all heads as thumbnails, painted", _thumbnails(page)),
        row("light to dark and back, every figure", _themes(page)),
        row("new prompt to its pattern", [_new_prompt(page)]),
    ]


def _link(text: str) -> str:
    """The address part of a session with this prompt."""
    experiment = replace(WORKED_EXAMPLE.experiment, prompt=PromptPair(text, None, (" Mary",), (" John",)))
    spoken = session_dict(replace(WORKED_EXAMPLE, experiment=experiment))
    packed = json.dumps(spoken, separators=(",", ":"), ensure_ascii=False).encode()
    return "#s=" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


# gestures


def _marked(name: str) -> Callable[[Any], Callable[[], None]]:
    """Call it before the gesture; what it gives waits until the page has marked that name again."""

    def begin(page: Any) -> Callable[[], None]:
        before = page.evaluate(f"performance.getEntriesByName('{name}').length")
        return lambda: page.wait_for_function(f"() => performance.getEntriesByName('{name}').length > {before}")

    return begin


def _since(page: Any, name: str, event: str) -> float:
    return float(page.evaluate(f"performance.getEntriesByName('{name}').at(-1).startTime - window.{event}"))


def _clicks(
    page: Any, graph: str, begin: Callable[[Any], Callable[[], None]], last: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """The first round over the cells, and the second, which finds everything cached."""
    rounds: list[list[float]] = []
    for _ in range(2):
        times: list[float] = []
        for layer, head in _cells():
            done = begin(page)
            _click(page, graph, layer, head)
            done()
            times.append(last())
            page.wait_for_timeout(PAUSE_MS)
        rounds.append(times)
    return rounds[0], rounds[1]


def _cells() -> list[tuple[int, int]]:
    """Cells to click, no two the same, in any order."""
    chosen = np.random.default_rng(0).choice(LAYERS * HEADS, CLICKS, replace=False)
    return [divmod(int(cell), HEADS) for cell in chosen]


def _click(page: Any, graph: str, layer: int, head: int) -> None:
    """A real click in the middle of a heatmap cell."""
    x, y = page.evaluate(
        """([graph, layer, head]) => {
          const gd = document.querySelector(graph + ' .js-plotly-plot');
          const box = gd.getBoundingClientRect(), l = gd._fullLayout;
          return [box.left + l.xaxis._offset + l.xaxis.d2p(head), box.top + l.yaxis._offset + l.yaxis.d2p(layer)];
        }""",
        [graph, layer, head],
    )
    page.mouse.move(x, y)
    page.wait_for_timeout(150)  # Plotly reports a click on what it has hovered
    page.mouse.click(x, y)


def _quantities(page: Any) -> list[dict[str, Any]]:
    """Choices of numbers, each twice: the first time they are computed, the second they are there."""
    rounds: list[list[float]] = []
    for _ in range(3):
        times: list[float] = []
        for quantity in QUANTITIES:
            page.evaluate("window.chosen = performance.now()")
            page.evaluate(f"microtome.dispatch({{type: 'show-heads', quantity: '{quantity}'}})")
            page.wait_for_function(_COLOURED, arg=quantity, polling="raf", timeout=120_000)
            times.append(page.evaluate("window.painted - window.chosen"))
            page.wait_for_timeout(PAUSE_MS)
        rounds.append(times)
    cached = [ms for times in rounds[1:] for ms in times]
    return [row("quantity of the matrix, first time", rounds[0]), row("quantity of the matrix, cached", cached)]


def _hovered(page: Any) -> int:
    """Requests while the pointer moves over every panel."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for panel in page.query_selector_all(".mt-panel"):
        box = panel.bounding_box()
        for step in range(12) if box else ():
            page.mouse.move(box["x"] + box["width"] * (step + 1) / 14, box["y"] + box["height"] * (step + 1) / 14)
            page.wait_for_timeout(30)
    return sum("/status" not in url and not url.startswith(("data:", "blob:")) for url in asked)


def _thumbnails(page: Any) -> list[float]:
    """Patterns that are there, painted from nothing: the screen is a little finer every time."""
    page.keyboard.press("2")
    page.wait_for_function("() => performance.getEntriesByName('microtome:thumbnails-painted').length")
    until_quiet(page)
    return [_timed(page, "microtome:thumbnails-painted", _FINER.format(step)) for step in range(1, 7)]


def _themes(page: Any) -> list[float]:
    return [_timed(page, "microtome:dressed", "microtome.switchTheme()") for _ in range(6)]


def _timed(page: Any, name: str, gesture: str) -> float:
    """From a gesture until the page marks that name."""
    done = _marked(name)(page)
    page.evaluate(f"window.chosen = performance.now(); {gesture}")
    done()
    page.wait_for_timeout(PAUSE_MS)
    return _since(page, name, "chosen")


def _new_prompt(page: Any) -> float:
    """The pattern of the prompt before stays on screen until the new one is there: its digest tells them apart."""
    page.keyboard.press("1")
    page.locator("#clean-prompt").fill("When Mary and John went to the shop, " * 7 + "John gave a book")
    until_quiet(page)
    before = page.evaluate("microtome.attention.wanted().picture")
    page.evaluate("window.chosen = performance.now()")
    page.locator("#run").click()
    page.wait_for_function(_OTHER_PICTURE, arg=before, polling="raf", timeout=120_000)
    return float(page.evaluate("window.painted - window.chosen"))


def plain_clicks(tokens: int) -> list[float]:
    """The reference: clicks on a bare Dash page, everything cached."""
    watch = """() => document.querySelector('#pattern .js-plotly-plot').on('plotly_afterplot', () =>
      requestAnimationFrame(() => performance.mark('drawn')))"""
    with chromium() as page, plain_dash(tokens) as address:
        page.add_init_script(
            "document.addEventListener('pointerdown', () => { window.down = performance.now(); }, true)"
        )
        page.goto(address)
        page.wait_for_selector("#pattern .js-plotly-plot .heatmaplayer image", state="attached")
        page.evaluate(watch)
        return _clicks(page, "#matrix", _marked("drawn"), lambda: _since(page, "drawn", "down"))[1]
