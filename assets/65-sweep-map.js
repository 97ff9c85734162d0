/* The sweep's map and what stands beside it: points of a scatter are cells of the map, and pointing at a cell shows
 * it prompt by prompt in the strip before anything is clicked. Numbers are fetched once per sweep, none per movement.
 */
(function (root) {
  "use strict";

  /** Values [prompt cell] of a sweep -> those of one cell, one per prompt. */
  function ofCell(values, [prompts, cells], cell) {
    return Array.from({ length: prompts }, (_, prompt) => values[prompt * cells + cell]);
  }

  /** Where the numbers of the sweep on screen are, null while there are none. */
  function addressOf({ view, sweep }, digests) {
    const digest = digests && digests[view.show === "baseline" ? "baseline" : "intervened"];
    const minus = view.show === "difference" ? digests && digests.baseline : null;
    if (!digest || (view.show === "difference" && !minus)) return null;
    const estimated = sweep.method === "estimate";
    if (estimated && sweep.normalised !== "effect") return null; // by address, estimates are effects
    const metric = estimated ? "logit_diff" : sweep.metric;
    const read = sweep.normalised === "effect" ? "effect" : "recovered";
    return `sweep/${digest}/${metric}.f32?read=${read}${minus ? `&minus=${minus}` : ""}`;
  }

  /** Grid [row column] of cell numbers -> the row and column of each cell. */
  function rowsAndColumns(grid) {
    const found = new Map();
    grid.forEach((cells, y) => cells.forEach((cell, x) => cell >= 0 && found.set(cell, { x, y })));
    return found;
  }

  /** One value per row. */
  const columnOf = (values) => Array.from(values, (value) => [value]);

  if (typeof module !== "undefined") module.exports = { ofCell, addressOf, rowsAndColumns, columnOf };
  if (typeof document === "undefined") return;

  // ---- cells of the live figures -------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { dispatch, graph, places, propsOf } = microtome;
  const { BESIDE } = microtome.sweep;

  /** The map's figure with its cell numbers and means [row column], once it is drawn; bars of neurons are one column. */
  function map() {
    const gd = graph("sweep-map");
    const meta = gd && microtome.metaOf(gd);
    const trace = gd && gd._fullData[0];
    if (!places.isMap(meta) || !trace || !trace.customdata) return null;
    const bars = trace.type === "bar";
    const [cells, means] = bars ? [columnOf(trace.customdata), columnOf(trace.x)] : [trace.customdata, trace.z];
    return { gd, meta, bars, means, grid: Array.from(cells, (row) => Array.from(row)) };
  }

  const isScatter = (gd) => !places.isMap(microtome.metaOf(gd));

  /** Cells of a scatter beside the map -> their places on the map. */
  function placesOf(points) {
    const found = map();
    if (!found) return [];
    const at = rowsAndColumns(found.grid);
    const cells = points.map(({ customdata }) => at.get(customdata)).filter(Boolean);
    return cells.map((where) => places.placeAt(found.meta, where)).filter(Boolean);
  }

  function clickedPoint(event) {
    const [place] = placesOf((event && event.points) || []);
    const action = place && places.actionAt(place, microtome.shiftHeld(), microtome.shape());
    if (action) dispatch(action);
  }

  function brushed(event) {
    const heads = placesOf((event && event.points) || []).filter(({ layer, head }) => head !== undefined && layer >= 0);
    const chosen = heads.map(({ layer, head }) => ({ layer, head }));
    if (chosen.length) dispatch({ type: "set-heads", heads: chosen, add: microtome.shiftHeld() });
  }

  microtome.bound.push((panel, hear) => {
    if (panel === "sweep-map") hear("plotly_selected", (event) => brushedMap(event, graph(panel)));
    if (!BESIDE.includes(panel)) return;
    hear("plotly_click", clickedPoint);
    hear("plotly_selected", (event) => (isScatter(graph(panel)) ? brushed(event) : brushedMap(event, graph(panel))));
  });

  /** A box on the map of heads: its invisible points stand at row and column. */
  function brushedMap(event, gd) {
    const meta = gd && microtome.metaOf(gd);
    if (!places.isMap(meta) || meta.axes.join() !== "layer,head") return;
    const at = ({ x, y }) => places.placeAt(meta, { x: Math.round(x), y: Math.round(y) });
    const heads = ((event && event.points) || []).map(at).filter(Boolean);
    if (heads.length) dispatch({ type: "set-heads", heads, add: microtome.shiftHeld() });
  }

  /** Selected cells as rings on the scatter. */
  function ringsOn(panel, gd) {
    const found = BESIDE.includes(panel) && isScatter(gd) && map();
    if (!found) return [];
    const cells = places.selectedOn(found.meta, microtome.session().selection)
      .map((where) => (found.bars ? { ...where, column: 0 } : where))
      .filter(({ row, column }) => row !== null && column !== null);
    const points = gd._fullData.filter((trace) => trace.customdata).flatMap(({ customdata, x, y }) =>
      Array.from(customdata, (cell, index) => ({ cell, x: x[index], y: y[index] })));
    const ringed = cells.flatMap(({ name, row, column }) =>
      points.filter(({ cell }) => cell === found.grid[row][column]).map(({ x, y }) => ({ name, x, y })));
    return microtome.shapes.rings(ringed);
  }

  microtome.extraShapes.push(ringsOn);
  microtome.afterPlot.push((gd, panel) => panel === "sweep-map" && BESIDE.forEach(microtome.mark));

  // ---- the strip before the click ------------------------------------------------------------------------------

  /** Key: address and tick, because a sweep that runs has other numbers at the same address. */
  const numbers = microtome.keeper(async (key) => {
    const answer = await fetch(microtome.prefix() + key.split(" ")[0]);
    if (!answer.ok) throw new Error(await answer.text());
    const shape = answer.headers.get("X-Shape").split(",").map(Number);
    return { shape, values: new Float32Array(await answer.arrayBuffer()) };
  }, 6);

  let pointed = null; // the cell whose values the strip shows instead of the selected one's
  let kept = null; // what the strip showed before

  const traceNamed = (gd, name) => gd.data.findIndex((trace) => trace.name === name);

  function heading() {
    return document.querySelector("#strip-panel .mt-heading");
  }

  /** Points and mean of another cell; its interval and outliers come with a click. */
  function preview(strip, values, mean, said) {
    const points = traceNamed(strip, "prompts");
    if (points < 0) return;
    if (!kept) kept = { strip, data: strip.data };
    const data = kept.data.map((trace) => {
      if (trace.name === "prompts") return previewed(trace, values);
      if (trace.name === "mean") return { ...trace, x: [mean, mean], visible: mean !== null };
      return { ...trace, visible: false };
    });
    heading().dataset.preview = said;
    root.Plotly.react(strip, data, strip.layout);
  }

  function previewed(trace, values) {
    const color = values.map((value) => (value >= 0 ? 0.8 : -0.8));
    const marker = { ...trace.marker, color, symbol: "circle", size: 7 };
    return { ...trace, x: values, marker, mode: "markers", hoverinfo: "skip" };
  }

  function forget() {
    kept = null;
    delete heading().dataset.preview;
  }

  function restore() {
    pointed = null;
    if (!kept) return;
    const { strip, data } = kept;
    forget();
    if (traceNamed(strip, "prompts") >= 0) root.Plotly.react(strip, data, strip.layout);
  }

  /** A new figure from the server is what is shown then. */
  function stripRedrawn(gd, panel) {
    const ours = kept && gd.data.some((trace) => trace.name === "prompts" && trace.hoverinfo === "skip");
    if (panel === "strip" && kept && !ours) forget();
  }
  microtome.afterPlot.push(stripRedrawn);

  function cellUnder(event) {
    const found = map();
    const where = found && microtome.hit(found.gd, event);
    const x = found && found.bars ? 0 : where && where.x;
    const cell = where && where.part === "cells" && (found.grid[where.y] || [])[x];
    return cell >= 0 ? { ...found, ...where, x, cell } : null;
  }

  const cellName = ({ meta, x, y }) => {
    const { layer, head, shared, neuron, position, source } = places.placeAt(meta, { x, y }) || {};
    const unit = head !== undefined ? `H${head}` : shared !== undefined ? `KV${shared}` : neuron === undefined ? "" : `N${neuron}`;
    const at = source !== undefined ? ` ${position}→${source}` : position !== undefined ? ` @${position}` : "";
    return `${layer === undefined ? "" : `L${layer}`}${unit}${at}`;
  };

  async function show(event) {
    const under = cellUnder(event);
    const strip = graph("strip");
    const session = microtome.session();
    const address = under && strip && addressOf(session, (propsOf("digests-sweep") || {}).data);
    if (!address) return restore();
    if (pointed === under.cell) return undefined;
    pointed = under.cell;
    const tick = (propsOf("sweep-map-tick") || {}).data || 0;
    const { shape, values } = await numbers(`${address} ${tick}`).catch(() => ({ shape: null }));
    if (!shape || pointed !== under.cell || under.cell >= shape[1]) return undefined;
    const mean = session.sweep.significant ? null : under.means[under.y][under.x];
    return preview(strip, ofCell(values, shape, under.cell), mean, cellName(under));
  }

  let waiting = null;

  /** At most one reading per frame. */
  function moved(event) {
    const over = event.target.closest && event.target.closest("#sweep-map .js-plotly-plot");
    if (!over && pointed !== null) restore();
    if (!over) return;
    if (!waiting) root.requestAnimationFrame(() => { const latest = waiting; waiting = null; show(latest); });
    waiting = event;
  }

  document.addEventListener("pointermove", moved);
})(typeof window === "undefined" ? globalThis : window);
