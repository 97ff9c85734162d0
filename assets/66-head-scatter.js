/* The scatter of heads: its points are heads, so that clicks, brushes and rings are of the same selection as everywhere.
 *
 * The figure is the server's (app/figures/head_scatter.py): one point per head, `customdata` its name.
 */
(function (root) {
  "use strict";

  /** Names and places of points, the selection as {name, layer, head} -> rings around those that there are. */
  function ringed(named, { customdata, x, y }) {
    const at = new Map(Array.from(customdata, (head, index) => [head, { x: x[index], y: y[index] }]));
    return named.flatMap(({ name, layer, head }) => {
      const place = at.get(`L${layer}H${head}`);
      return place ? [{ name, ...place }] : [];
    });
  }

  if (typeof module !== "undefined") module.exports = { ringed };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const PANEL = "head-matrix";
  const isScatter = (gd) => microtome.metaOf(gd).drawn === "scatter";

  microtome.extraShapes.push((panel, gd) => {
    if (panel !== PANEL || !isScatter(gd)) return [];
    const named = microtome.shapes.namedHeads(microtome.session().selection);
    return microtome.shapes.rings(ringed(named, gd._fullData[0]));
  });

  function clickedPoint(event) {
    const [point] = (event && event.points) || [];
    const head = point && microtome.headNamed(point.customdata);
    if (head) microtome.dispatch({ type: "click-head", ...head, add: microtome.shiftHeld() });
  }

  microtome.bound.push((panel, hear) => panel === PANEL && hear("plotly_click", (event) => {
    const gd = microtome.graph(PANEL);
    if (gd && isScatter(gd)) clickedPoint(event);
  }));

  // ---- box or lasso --------------------------------------------------------------------------------------------

  let lasso = false;

  function drag(gd) {
    const dragmode = lasso && isScatter(gd) ? "lasso" : "select";
    if (gd.layout.dragmode !== dragmode) root.Plotly.relayout(gd, { dragmode });
  }

  function setLasso(on) {
    lasso = on;
    const gd = microtome.graph(PANEL);
    if (gd) drag(gd);
  }

  microtome.afterPlot.push((gd, panel) => {
    if (panel !== PANEL || !gd.data.length) return;
    drag(gd);
    const { said, title } = microtome.metaOf(gd);
    gd.setAttribute("role", "img");
    gd.setAttribute("aria-label", said || title || "");
  });
  Object.assign(microtome, { setLasso, lassoOn: () => lasso });
})(typeof window === "undefined" ? globalThis : window);
