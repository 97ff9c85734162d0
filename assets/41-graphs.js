/* The selection on live graphs: one Plotly.relayout({shapes}) each, again after a redraw, never when it is there. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { shapesFor, withSelection } = microtome.shapes;
  const MARKED = ["head-matrix", "trajectory", "lens", "attention"];
  const afterPlot = [];

  /** The live graph of a panel, once it has something drawn. */
  function graph(panel) {
    const found = document.querySelector(`#${panel} .js-plotly-plot`);
    return found && found._fullLayout && found.data && found.data.length ? found : null;
  }

  const allGraphs = () => [...document.querySelectorAll(".js-plotly-plot")].filter((found) => found._fullLayout);

  const panelOf = (gd) => (gd.closest(".dash-graph") || gd.parentElement).id;

  /** Where the trajectory draws each layer, as its figure says. */
  const layerX = (gd) => (gd.layout.meta || {}).layer_x || [];

  function mark(panel) {
    const gd = graph(panel);
    const session = microtome.session();
    if (!gd || !session) return;
    const wanted = shapesFor(session.selection, panel, layerX(gd));
    const shapes = withSelection(gd.layout.shapes, wanted);
    const drawn = (gd.layout.selections || []).length > 0;
    if (shapes || drawn) root.Plotly.relayout(gd, { ...(shapes && { shapes }), ...(drawn && { selections: [] }) });
  }

  function redrawn(gd) {
    const panel = panelOf(gd);
    if (MARKED.includes(panel)) mark(panel);
    for (const act of afterPlot) act(gd, panel);
  }

  function bind(gd) {
    if (gd.microtomeBound || !gd.on) return;
    gd.microtomeBound = true;
    gd.on("plotly_afterplot", () => redrawn(gd));
    redrawn(gd);
  }

  let scheduled = false;
  function bindSoon() {
    if (scheduled) return;
    scheduled = true;
    root.requestAnimationFrame(() => {
      scheduled = false;
      allGraphs().forEach(bind);
    });
  }

  function resizeAll() {
    for (const gd of allGraphs()) if (gd.offsetParent) root.Plotly.Plots.resize(gd);
  }

  new MutationObserver(bindSoon).observe(document.documentElement, { childList: true, subtree: true });
  microtome.projections.push((now, before) => {
    if (!before || before.session.selection !== now.session.selection) MARKED.forEach(mark);
  });
  Object.assign(microtome, { graph, allGraphs, panelOf, afterPlot, resizeAll, mark, layerX });
})(window);
