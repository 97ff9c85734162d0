/* Figures that come in several readings of one result (app/figures/readings.py): the page draws another one from what
 * came with the figure, and asks the server only for one that did not come.
 */
(function (root) {
  "use strict";

  /** The layout of a reading on a figure: template, room and readings stay, marks are those of the selection now. */
  function layoutOf(name, { template, autosize, width, height, meta: { readings } }, marks) {
    const { layout } = readings[name];
    const meta = { ...layout.meta, reading: name, readings };
    const room = { template, autosize, width, height };
    return { ...structuredClone({ ...layout, shapes: [] }), ...room, meta, shapes: marks(meta, layout.shapes) };
  }

  const ARRAYS = {
    i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, f4: Float32Array,
    f8: Float64Array,
  };

  /** A list, or Plotly's {dtype, bdata}. */
  function unpacked(list) {
    if (!list || !list.bdata) return list;
    return new ARRAYS[list.dtype](Uint8Array.from(root.atob(list.bdata), (letter) => letter.charCodeAt(0)).buffer);
  }

  /** Traces whose points are named by `customdata` get from those on screen what a reading does not carry again. */
  function withPoints(traces, drawn) {
    const bare = ({ type, x }) => type === "scatter" && x === undefined;
    if (!traces.some(bare)) return traces;
    const places = new Map();
    for (const { customdata, x, y, hovertext } of drawn) {
      const [across, down, said] = [x, y, hovertext].map(unpacked);
      Array.from(unpacked(customdata) || []).forEach((name, at) => places.set(name, { x: across[at], y: down[at], hovertext: said[at] }));
    }
    const of = (names, property) => names.map((name) => places.get(name)[property]);
    return traces.map((trace) => {
      if (!bare(trace)) return trace;
      const names = Array.from(unpacked(trace.customdata));
      const [x, y, hovertext] = ["x", "y", "hovertext"].map((property) => of(names, property));
      return { ...trace, customdata: names, x, y, hovertext };
    });
  }

  if (typeof module !== "undefined") module.exports = { layoutOf, unpacked, withPoints };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const { graph, shapes } = microtome;
  const wanted = {}; // panel -> session -> the name of its reading, null while it is not on screen
  const last = {}; // panel -> the name that was wanted before
  const missing = {}; // panel -> the name that the figure lacked when it was chosen; the server hears it

  const isReady = (panel) => document.getElementById(`${panel}-panel`).classList.contains("is-ready");

  function nameOf(panel) {
    const session = microtome.session();
    return session && wanted[panel] ? wanted[panel](session) : null;
  }

  /** Whether a reading came with what is drawn. */
  function isHere(panel, name) {
    const gd = graph(panel);
    const readings = gd && isReady(panel) && microtome.metaOf(gd).readings;
    return Boolean(readings && readings[name]);
  }

  const marksOn = (panel) => (meta, drawn) =>
    shapes.withSelection(drawn, shapes.shapesFor(microtome.session().selection, panel, meta)) || drawn || [];

  function draw(panel, name) {
    const gd = graph(panel);
    if (gd.layout.meta.reading === name) return;
    const { data, said } = gd.layout.meta.readings[name];
    root.Plotly.react(gd, withPoints(data, gd._fullData), layoutOf(name, gd.layout, marksOn(panel)));
    if (gd.closest(".mt-panel").querySelector(".mt-caption")) microtome.write(`${panel}-of`, { textContent: said });
  }

  /** A figure that has just come may be of the reading before. */
  function catchUp(panel) {
    const name = nameOf(panel);
    if (name !== null && isHere(panel, name)) draw(panel, name);
  }

  function follow(panel) {
    const name = nameOf(panel);
    if (name === null || name === last[panel]) return;
    const here = isHere(panel, name);
    missing[panel] = here || last[panel] === undefined ? null : name;
    last[panel] = name;
    if (here) draw(panel, name);
  }

  /** The wanted reading of a figure that is about to be drawn, as far as it carries it. */
  function readIn(panel, figure) {
    const { layout, data } = figure;
    const { meta = {} } = layout;
    const name = nameOf(panel);
    if (!meta.readings || name === meta.reading || !meta.readings[name]) return figure;
    return { data: withPoints(meta.readings[name].data, data), layout: layoutOf(name, layout, marksOn(panel)) };
  }

  /** What a captioned panel says of the reading that is drawn. */
  function saidOf(panel) {
    const gd = graph(panel);
    const { readings, reading } = (gd && microtome.metaOf(gd)) || {};
    const captioned = gd && gd.closest(".mt-panel").querySelector(".mt-caption");
    return captioned && readings ? readings[reading].said : null;
  }

  microtome.readAs = (panel, of) => { wanted[panel] = of; };
  Object.assign(microtome, { readIn, saidOf, unpacked, missing: (panel) => missing[panel] || null });
  microtome.afterPlot.push((gd, panel) => catchUp(panel));
  microtome.projections.push(() => Object.keys(wanted).forEach(follow));
})(typeof window === "undefined" ? globalThis : window);
