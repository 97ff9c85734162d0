/* Where the selection lies on each figure: pure, so that node tests it.
 *
 * The same shapes as app/figures/marks.py draws, in names, places and widths, so that a redraw by the server agrees.
 * Colours come from the figure's template. Names say whose a shape is, so that everybody else's are kept.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const { BESIDE } = typeof require === "undefined" ? root.microtome.sweep : require("./10-sweep.js");
  const places = typeof require === "undefined" ? root.microtome.places : require("./39-places.js");
  const OURS = ["selected", "primary", "pinned", "position", "layer", "prompt", "cut"];
  const LINES = {
    selected: { width: 1.5 }, primary: { width: 3 }, pinned: { width: 2, dash: "dot" }, position: { width: 1.5 },
    prompt: { width: 1.5 }, layer: { width: 1.5 },
  };

  const outline = (name, sides) => ({ type: "rect", name, xref: "x", yref: "y", line: LINES[name], ...sides });

  const cell = (name) => ({ layer, head }) =>
    outline(name, { x0: head - 0.5, x1: head + 0.5, y0: layer - 0.5, y1: layer + 0.5 });

  /** Selected heads, then the pinned one, the primary one on top. */
  function namedHeads({ heads, primary, pinned }) {
    const others = heads.filter((head) => !state.sameHead(head, primary)).map((head) => ({ name: "selected", ...head }));
    return [
      ...others, ...(pinned ? [{ name: "pinned", ...pinned }] : []), ...(primary ? [{ name: "primary", ...primary }] : []),
    ];
  }

  /** On two maps, on both; on the scatter of heads there are rings (66-head-scatter.js). */
  function onHeadMatrix(selection, { drawn }) {
    if (drawn === "scatter") return [];
    const marks = namedHeads(selection).map(({ name, ...head }) => cell(name)(head));
    return drawn === "maps" ? [...marks, ...marks.map((each) => ({ ...each, xref: "x2" }))] : marks;
  }

  const column = (name, at) => outline(name, { x0: at - 0.5, x1: at + 0.5, yref: "paper", y0: 0, y1: 1 });
  const row = (name, at) => outline(name, { xref: "paper", x0: 0, x1: 1, y0: at - 0.5, y1: at + 0.5 });

  const onLens = ({ positions }) => positions.map((at) => column("position", at));

  /** A selected position is a row of the pattern: where that token looks. */
  const onAttention = ({ positions }) => positions.map((at) => row("position", at));

  /** Rows, columns and cells of a sweep's map, as its meta names them. */
  function onSweep(selection, meta) {
    if (!places.isMap(meta)) return [];
    return places.selectedOn(meta, selection).map(({ name, row: y, column: x }) => {
      if (x === null) return row(name, y);
      return y === null ? column(name, x) : cell(name)({ layer: y, head: x });
    });
  }

  /** The prompt on screen, where there are others. */
  const onStrip = ({ prompt }, { prompts = 0 }) => (prompts > 1 && prompt < prompts ? [row("prompt", prompt)] : []);

  /** Rows of parts that the selection names: heads (at any source token), layers, the neuron. */
  function onParts({ heads, layers, neuron }, { rows = [] }) {
    const named = new Set(heads.map(state.headLabel));
    for (const layer of layers) for (const end of ["", ".attn", ".mlp"]) named.add(`L${layer}${end}`);
    if (neuron !== null && layers.length) named.add(`L${layers[layers.length - 1]}N${neuron}`);
    return rows.flatMap((label, at) => (named.has(label.split(" ")[0]) ? [row("selected", at)] : []));
  }

  /** The row of the selected neuron, else of the one that the server chose. */
  function onNeurons({ layers, neuron }, { rows = [], neuron: chosen = null }) {
    const name = neuron !== null && layers.length ? `L${layers[layers.length - 1]}N${neuron}` : chosen;
    return rows.flatMap((label, at) => (label === name ? [row("selected", at)] : []));
  }

  /** Selected tokens, over the height of the bars alone. */
  const onNeuronCard = ({ positions }) => positions.map((at) => ({ ...column("position", at), yref: "y domain" }));

  /** Selected layers, and the layers of selected heads, as dotted vertical lines at layer_x[layer]. */
  function onTrajectory({ layers, heads, primary }, { layer_x: layerX = [] }) {
    const all = [...new Set([...layers, ...heads.map((head) => head.layer)])].sort((a, b) => a - b);
    const style = (layer) => ({ width: primary && primary.layer === layer ? 2 : 1, dash: "dot" });
    const line = (layer) => ({
      type: "line", name: "layer", xref: "x", yref: "paper", x0: layerX[layer], x1: layerX[layer], y0: 0, y1: 1,
      line: style(layer),
    });
    return all.filter((layer) => layer < layerX.length).map(line);
  }

  /** Points of a scatter that stand for selected cells, as rings of one size on screen. */
  function rings(points) {
    return points.map(({ name, x, y }) => ({
      type: "circle", name, xref: "x", yref: "y", xsizemode: "pixel", ysizemode: "pixel", xanchor: x, yanchor: y,
      x0: -8, x1: 8, y0: -8, y1: 8, line: LINES[name],
    }));
  }

  // ---- one direction ---------------------------------------------------------------------------------------------

  const onStream = ({ layers, positions }) =>
    [...layers.map((at) => row("layer", at)), ...positions.map((at) => column("position", at))];

  /** Cells of the map on the left, rows of the bars on the right. */
  function onWriters(selection, { rows = [] }) {
    const { primary, heads } = selection;
    const kind = new Map([...heads, ...(primary ? [primary] : [])].map((head) =>
      [state.headLabel(head), state.sameHead(head, primary) ? "primary" : "selected"]));
    const bar = (name, at) =>
      outline(name, { xref: "x2 domain", yref: "y2", x0: 0, x1: 1, y0: at - 0.5, y1: at + 0.5 });
    const bars = rows.flatMap((label, at) => (kind.has(label) ? [bar(kind.get(label), at)] : []));
    return [...namedHeads(selection).map(({ name, ...head }) => cell(name)(head)), ...bars];
  }

  /** A head's queries, and the keys and values that it reads. */
  function onReaders(selection, { columns = {}, shared = 1 }) {
    const named = namedHeads(selection).filter(({ name }) => name !== "pinned");
    return named.flatMap(({ name, layer, head }) => Object.entries({ q: 1, k: shared, v: shared })
      .filter(([group]) => columns[group])
      .map(([group, size]) => cell(name)({ layer, head: columns[group][0] + Math.floor(head / size) })));
  }

  const PANELS = {
    "head-matrix": onHeadMatrix, lens: onLens, attention: onAttention, trajectory: onTrajectory,
    projection: onStream, writers: onWriters, readers: onReaders,
    "sweep-map": onSweep, ...Object.fromEntries(BESIDE.map((panel) => [panel, onSweep])), paths: onSweep, strip: onStrip,
    decomposition: onParts, neurons: onNeurons, "neuron-card": onNeuronCard, geometry: onTrajectory,
  };

  /** The selection's shapes on one panel; meta is what its figure says of itself. */
  const shapesFor = (selection, panel, meta = {}) => (PANELS[panel] ? PANELS[panel](selection, meta || {}) : []);

  /** What must match for two lists of shapes to look alike. */
  function look(shapes) {
    const kept = ({ name, xref, x0, x1, y0, y1, xanchor, yanchor, path, line = {} }) =>
      [name, ["x2", "x2 domain"].includes(xref), x0, x1, y0, y1, xanchor, yanchor, path, line.width];
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
   * area: {left, top, width, height} of the plot area in the pointer's pixels; toX, toY: pixels from its corner to
   * data. */
  function partAt(point, area, toX, toY) {
    const across = within(point.x, [area.left, area.left + area.width]);
    const down = within(point.y, [area.top, area.top + area.height]);
    const x = Math.round(toX(point.x - area.left)) + 0; // no -0
    const y = Math.round(toY(point.y - area.top)) + 0;
    if (across && down) return { part: "cells", x, y };
    if (down && point.x < area.left) return { part: "rows", x: null, y };
    if (across) return { part: "columns", x, y: null };
    return null;
  }

  /** x of a trajectory -> the layer that it belongs to: the last one that has begun. */
  function layerAt(layerX, x) {
    const begun = layerX.filter((start) => start <= x).length;
    return Math.max(0, begun - 1);
  }

  root.microtome.shapes = { shapesFor, namedHeads, rings, withSelection, partAt, layerAt };
  if (typeof module !== "undefined") module.exports = root.microtome.shapes;
})(typeof window === "undefined" ? globalThis : window);
