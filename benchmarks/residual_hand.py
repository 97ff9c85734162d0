"""How long the hand waits in *Residual*: one gesture after another in each section, every one measured twice, first
where the server computes and then where the numbers are there.

- highlight: pointer up -> the next frame, and in how many clicks the panel that was clicked marks the selection in it.
- click: pointer down -> the last of the panels that show another token, layer or neuron painted.
- choice: another level, colour, order, quantity or direction -> the panels that show it painted.
- hover: requests that left the page while the pointer moved over every panel of the section.

Painted is the frame after the last call into Plotly that draws (not one that marks), or after a table's rows changed.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.domain.prompt_sets import ioi
from app.domain.session import WORKED_EXAMPLE, session_dict
from benchmarks.asked import Asked
from benchmarks.gestures import PAUSE_MS, row, share, until_quiet
from benchmarks.hand_speed import LENGTHS, plain_clicks
from benchmarks.page import answers, chromium, server

PANELS = {
    "lens": ("lens", "token-trajectory", "component-lens"),
    "direction": ("projection", "writers", "readers", "distribution", "direction-card"),
    "parts": ("decomposition",), "geometry": ("geometry", "activation-map"), "features": ("neurons", "neuron-card"),
}  # fmt: skip
DIRECTIONS: list[dict[str, Any]] = [
    {"name": "answer", "direction": {"kind": "tokens", "tokens": [" Mary"], "minus": [" John"]}},
    {"name": "head", "direction": {"kind": "singular_vector", "head": {"layer": 23, "head": 3}}},
    {"name": "random", "direction": {"kind": "random", "seed": 0}},
]
ROUNDS = 5
"""Of the cached gestures."""
_PATIENCE_MS = 300_000
_CLOCK = """(() => {
document.addEventListener('pointerdown', () => { window.began = performance.now(); }, true);
document.addEventListener('pointerup', () => { window.up = performance.now(); }, true);
window.painted = {};
const soon = panel => requestAnimationFrame(() => { painted[panel] = performance.now(); });
window.watch = () => {
  for (const name of ['react', 'newPlot', 'redraw', 'restyle', 'update']) {
    const call = Plotly[name];
    Plotly[name] = async (gd, ...rest) => {
      const done = await call(gd, ...rest);
      soon(microtome.panelOf(gd));
      return done;
    };
  }
  for (const [panel, place] of [['component-lens', 'component-rows'], ['direction-card', 'direction-card-body']])
    new MutationObserver(() => soon(panel)).observe(document.getElementById(place), {childList: true});
};
window.highlights = [];
const mark = performance.mark.bind(performance);
performance.mark = (label, ...rest) => {
  if (label === 'microtome:select') requestAnimationFrame(() => {
    const marked = window.marked && ((microtome.graph(window.marked) || {}).layout || {}).shapes || [];
    highlights.push([performance.now() - window.up, marked.map(s => [s.name, s.x0, s.y0]).join() !== window.before]);
  });
  return mark(label, ...rest);
};
})()"""
_PLACE = """([panel, across, down]) => {
  const gd = document.querySelector(`#${panel} .js-plotly-plot`), box = gd.getBoundingClientRect(), l = gd._fullLayout;
  const at = (axis, value) => axis._offset + (value < 0 ? -value * axis._length : axis.d2p(value));
  return [box.left + at(l.xaxis, across), box.top + at(l.yaxis, down)];
}"""
_BEFORE = """panel => {
  window.marked = panel; window.began = performance.now(); window.painted = {};
  window.before = ((microtome.graph(panel) || {}).layout.shapes || []).map(s => [s.name, s.x0, s.y0]).join();
}"""


def run(asked: Asked) -> dict[str, Any]:
    """One row per gesture and number of tokens."""
    rows: list[dict[str, Any]] = []
    for tokens, repeats in LENGTHS.items():
        rows.append({"tokens": tokens, **row("a bare Dash page: click to its figure", plain_clicks(tokens))})
        with chromium() as page, server() as (address, _, _began):
            answers(address)
            rows += [{"tokens": tokens, **each} for each in _measured(page, address, repeats)]
    return {
        "what": "milliseconds from an event to what is drawn, in every section of Residual",
        "reference": "a bare Dash page whose server callback returns the whole figure as go.Heatmap",
        "rows": rows,
    }


def _measured(page: Any, address: str, repeats: int) -> Iterator[dict[str, Any]]:
    """Rows of every section, on the page of a server whose model is there."""
    page.add_init_script(_CLOCK)
    page.goto(address + _link("When Mary and John went to the store, " * repeats))
    page.wait_for_selector("#lens-panel.is-ready", timeout=_PATIENCE_MS)
    page.evaluate("watch()")
    for section, panels in PANELS.items():
        page.evaluate(f"microtome.dispatch({{type: 'set-view', section: '{section}'}})")
        for panel in panels:
            page.wait_for_selector(f"#{panel}-panel.is-ready", timeout=_PATIENCE_MS)
        until_quiet(page)
        for kind in (CLICKS, CHOICES):
            for said, *rest in kind.get(section, ()):
                yield from _gesture(page, f"{section}: {said}", *rest)
        yield {"gesture": f"{section}: hover over every panel", "requests": _hovered(page, panels)}


def _link(before: str) -> str:
    prompts = tuple(replace(pair, clean=before + pair.clean, corrupted=before + str(pair.corrupted)) for pair in ioi(8))
    experiment = replace(WORKED_EXAMPLE.experiment, prompt=prompts[0], prompts=prompts)
    spoken = session_dict(replace(WORKED_EXAMPLE, experiment=experiment))
    spoken["view"] |= {"workspace": "residual", "section": "lens"}
    spoken["directions"] = DIRECTIONS
    return "#s=" + base64.urlsafe_b64encode(json.dumps(spoken, ensure_ascii=False).encode()).decode().rstrip("=")


def _residual(**fields: Any) -> str:
    return f"microtome.dispatch({json.dumps({'type': 'show-residual', **fields})})"


def _each(part: str, field: str, *values: str) -> list[str]:
    return [_residual(**{part: {field: value}}) for value in values]


_CELLS = [(4, 20), (9, 12), (6, 25), (11, 8)]
"""Token and layer."""
_TOKENS = [f"document.querySelector('#token-strip [data-position=\"{at}\"]')" for at in (4, 9, 6, 11)]
_ROWS = [(-0.5, at) for at in (1, 3, 5, 2)]
"""Half of the width, and the row."""
CLICKS: dict[str, Sequence[Any]] = {
    "lens": (("a cell, tokens and components painted", _CELLS, ("token-trajectory", "component-lens"), "lens"),),
    "direction": (("a cell, writers and distribution painted", _CELLS, ("writers", "distribution"), "projection"),),
    "parts": (("a bar", _ROWS, (), "decomposition"),),
    "geometry": (("a token, lines painted", _TOKENS, ("geometry",)),),
    "features": (("a neuron, its card painted", _ROWS, ("neuron-card",), "neurons"),),
}
"""Section -> gestures: what is said of it, the places in turn, the panels that are painted, the figure clicked."""
CHOICES: dict[str, Sequence[Any]] = {
    "lens": (("colour", _each("lens", "colour", "rank", "entropy", "kl_divergence", "logit_diff"), ("lens",)),),
    "direction": (
        ("another direction", [_residual(direction=name) for name in ("head", "random", "answer")],
         ("projection", "writers", "readers", "distribution", "direction-card")),
        ("readers as norms", _each("readers", "by", "norm", "z"), ("readers",)),
        ("prompts by answer", _each("distribution", "by", "answer", "side"), ("distribution",)),
        ("cosines", [_residual(projection={"normalised": on}) for on in (True, False)], ("projection", "distribution")),
    ),
    "parts": (("level", _each("parts", "level", "head", "layer", "source", "neuron", "sublayer"), ("decomposition",)),),
    "geometry": (
        ("quantity by layer", _each("geometry", "drawn", "cosines", "scales", "norms"), ("geometry",)),
        ("colour of the map", _each("map", "colour", "token", "logit_diff", "answer", "norm", "position", "side"),
         ("activation-map",)),
    ),
    "features": (("order", _each("neurons", "by", "largest", "activation", "attribution"), ("neurons",)),),
}  # fmt: skip


def _gesture(
    page: Any, said: str, steps: Sequence[Any], panels: Sequence[str], clicked: str | None = None
) -> Iterator[dict[str, Any]]:
    """The first round is what the server computes; the rest finds it there."""
    times: list[list[float]] = [[], []]
    page.evaluate("highlights.length = 0")
    for turn in range(1 + ROUNDS):
        for step in steps:
            times[turn > 0].append(_once(page, step, panels, clicked))
            page.wait_for_timeout(PAUSE_MS)
    frames = page.evaluate("highlights")
    if clicked:
        yield row(f"{said}: highlight", [ms for ms, _ in frames], share=share(each for _, each in frames))
    if panels:
        yield row(f"{said}, first time", times[0])
        yield row(said, times[1])


def _once(page: Any, step: Any, panels: Sequence[str], clicked: str | None) -> float:
    if clicked is not None:
        x, y = page.evaluate(_PLACE, [clicked, *step])
        page.mouse.move(x, y)
        page.wait_for_timeout(150)
    page.evaluate(_BEFORE, clicked or panels[0])
    if clicked is not None:
        page.mouse.click(x, y)
    elif step.startswith("document"):
        page.evaluate(f"began = performance.now(); {step}.click()")
    else:
        page.evaluate(f"began = performance.now(); {step}")
    wanted = json.dumps(list(panels))
    page.wait_for_function(f"{wanted}.every(panel => painted[panel] > began)", polling="raf", timeout=60_000)
    return float(page.evaluate(f"Math.max(0, ...{wanted}.map(panel => painted[panel])) - began"))


def _hovered(page: Any, panels: Sequence[str]) -> int:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for panel in panels:
        box = page.query_selector(f"#{panel}-panel").bounding_box()
        for step in range(12):
            page.mouse.move(box["x"] + box["width"] * (step + 1) / 14, box["y"] + box["height"] * (step + 1) / 14)
            page.wait_for_timeout(30)
    return sum("/status" not in url and not url.startswith(("data:", "blob:")) for url in asked)
