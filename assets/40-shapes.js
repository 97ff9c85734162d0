/* Where the selection lies on each figure: pure, so that node tests it.
 *
 * The same shapes as app/figures/marks.py draws, so that a redraw by the server agrees; the pinned head and the rows of the
 * attention pattern are marked here only. Colours come from the figure's template. Names say whose a shape is, so that
 * everybody else's are kept.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const OURS = ["selected", "primary", "pinned"];
  const LINES = { selected: { width: 1.5 }, primary: { width: 2.5 }, pinned: { width: 2, dash: "dot" } };
  const BAND = { selected: 0.12, primary: 0.24 };
  const NEUTRAL = "#858c97";

  function outline(name, [x0, x1, y0, y1], more) {
    return { type: "rect", name, xref: "x", yref: "y", x0, x1, y0, y1, line: LINES[name], layer: "above", ...more };
  }

  const cell = (name) => ({ layer, head }) => outline(name, [head - 0.5, head + 0.5, layer - 0.5, layer + 0.5]);

  function onHeadMatrix({ heads, primary, pinned }) {
    return [
      ...heads.map(cell("selected")),
      ...(primary ? [cell("primary")(primary)] : []),
      ...(pinned ? [cell("pinned")(pinned)] : []),
    ];
  }

  const row = (count) => (at) => outline("selected", [-0.5, count - 0.5, at - 0.5, at + 0.5]);
  const column = (count) => (at) => outline("selected", [at - 0.5, at + 0.5, -0.5, count - 0.5]);

  function onLens({ positions, layers }, { n_layers, n_positions }) {
    const columns = positions.filter((at) => at < n_positions).map(column(n_layers));
    return [...columns, ...layers.filter((at) => at < n_layers).map(row(n_positions))];
  }

  /** A selected position is a row of the pattern: where that token looks. */
  function onAttention({ positions }, { n_positions }) {
    return positions.filter((at) => at < n_positions).map(row(n_positions));
  }

  /** layer -> `selected` or `primary`: selected layers, and the layers of selected heads. */
  function markedLayers({ layers, heads, primary }) {
    const marked = new Map([...layers, ...heads.map((head) => head.layer)].map((layer) => [layer, "selected"]));
    return primary ? marked.set(primary.layer, "primary") : marked;
  }

  /** Bands from a layer's resid_pre to the next one's; `starts` are the x of resid_pre by layer, `last` the end. */
  function onTrajectory(selection, { starts, last }) {
    const unseen = { width: 0 };
    const band = ([layer, name]) => outline(name, [starts[layer], starts[layer + 1] ?? last, 0, 1], {
      yref: "paper", layer: "below", line: unseen, fillcolor: NEUTRAL, opacity: BAND[name],
    });
    return [...markedLayers(selection)].filter(([layer]) => starts[layer] !== undefined).map(band);
  }

  const PANELS = { "head-matrix": onHeadMatrix, lens: onLens, attention: onAttention, trajectory: onTrajectory };

  /** The selection's shapes on one panel; `frame` says what the figure spans. */
  const shapesFor = (selection, panel, frame) => (PANELS[panel] ? PANELS[panel](selection, frame) : []);

  /** What must match for two lists of shapes to look alike. */
  function look(shapes) {
    const kept = ({ name, type, x0, x1, y0, y1 }) => [name, type, x0, x1, y0, y1];
    return JSON.stringify(shapes.map(kept));
  }

  /** current shapes -> shapes with this selection, or null where they show it already. */
  function withSelection(shapes, wanted) {
    const ours = (shapes || []).filter((shape) => OURS.includes(shape.name));
    if (look(ours) === look(wanted)) return null;
    return [...(shapes || []).filter((shape) => !OURS.includes(shape.name)), ...wanted];
  }

  // ---- where the pointer is ------------------------------------------------------------------------------------

  const within = (value, [from, to]) => value >= from && value <= to;

  /** Pointer -> {part, x, y}: `cells` inside the plot area, `rows` left of it, `columns` above or below, or null.
   *
   * area: {left, top, width, height} of the plot area in the pointer's pixels; toX, toY: pixels from its corner -> data. */
  function partAt(point, area, toX, toY) {
    const across = within(point.x, [area.left, area.left + area.width]);
    const down = within(point.y, [area.top, area.top + area.height]);
    const x = Math.round(toX(point.x - area.left));
    const y = Math.round(toY(point.y - area.top));
    if (across && down) return { part: "cells", x, y };
    if (down && point.x < area.left) return { part: "rows", x: null, y };
    if (across) return { part: "columns", x, y: null };
    return null;
  }

  /** x of a trajectory -> the layer whose band it lies in. */
  function layerAt(starts, x) {
    const begun = starts.filter((start) => start <= x).length;
    return Math.max(0, begun - 1);
  }

  root.microtome.shapes = { shapesFor, withSelection, partAt, layerAt };
  if (typeof module !== "undefined") module.exports = root.microtome.shapes;
})(typeof window === "undefined" ? globalThis : window);
