/* The selection on live graphs: one Plotly.relayout({shapes}) each, again after a redraw, never when it is there. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { shapesFor, withSelection } = microtome.shapes;
  const MARKED = [
    "head-matrix", "trajectory", "lens", "attention", "sweep-map", ...microtome.sweep.BESIDE, "paths", "strip", "decomposition",
    "projection", "writers", "readers", "distribution", "neurons", "neuron-card", "geometry",
  ];
  const afterPlot = [];
  const extraShapes = []; // panel, figure -> shapes of the selection that a figure alone does not know
  const bound = [];
  /** dcc.Graph reports these to Dash, which then walks all components of the page: with five graphs some 200 ms per
   * click, for properties that no callback hears. */
  const UNHEARD = [
    "plotly_click", "plotly_hover", "plotly_unhover", "plotly_relayout", "plotly_restyle",
    "plotly_selecting", "plotly_selected", "plotly_deselect",
  ];

  /** The live graph of a panel, once it has something drawn. */
  function graph(panel) {
    const found = document.querySelector(`#${panel} .js-plotly-plot`);
    return found && found._fullLayout && found.data && found.data.length ? found : null;
  }

  const allGraphs = () => [...document.querySelectorAll(".js-plotly-plot")].filter((found) => found._fullLayout);

  const panelOf = (gd) => (gd.closest(".dash-graph") || gd.parentElement).id;

  const metaOf = (gd) => gd.layout.meta || {};

  /** A brush leaves what it has not met dim, unless its trace says how that looks. */
  function undim(gd) {
    const dimmed = gd.data.flatMap(({ selectedpoints, unselected }, at) => (selectedpoints && !unselected ? [at] : []));
    if (dimmed.length) root.Plotly.restyle(gd, { selectedpoints: [null] }, dimmed);
  }

  function mark(panel) {
    const gd = graph(panel);
    const session = microtome.session();
    if (!gd || !session || !gd.offsetParent) return; // marked when it is shown
    const more = extraShapes.flatMap((shapesOf) => shapesOf(panel, gd));
    const wanted = [...shapesFor(session.selection, panel, metaOf(gd)), ...more];
    const shapes = withSelection(gd.layout.shapes, wanted);
    const drawn = (gd.layout.selections || []).length > 0;
    if (drawn) undim(gd);
    if (shapes || drawn) root.Plotly.relayout(gd, { ...(shapes && { shapes }), ...(drawn && { selections: [] }) });
  }

  function redrawn(gd) {
    const panel = panelOf(gd);
    if (MARKED.includes(panel)) mark(panel);
    for (const act of afterPlot) act(gd, panel);
  }

  /** As soon as a graph exists, before dcc.Graph listens to it: its `on` ignores what nobody needs, `hear` is ours. */
  function bind(gd) {
    if (!gd.on || gd.on.microtome) return;
    const hear = gd.on.bind(gd);
    gd.on = (name, act) => (UNHEARD.includes(name) ? gd : hear(name, act));
    gd.on.microtome = true;
    hear("plotly_afterplot", () => redrawn(gd));
    for (const act of bound) act(panelOf(gd), hear);
    if (gd._fullLayout) redrawn(gd);
  }

  const bindAll = () => document.querySelectorAll(".js-plotly-plot").forEach(bind);

  function resizeAll() {
    for (const gd of allGraphs()) if (gd.offsetParent) root.Plotly.Plots.resize(gd);
  }

  new MutationObserver(bindAll).observe(document.documentElement, { childList: true, subtree: true });
  microtome.projections.push((now, before) => {
    if (!before || before.session.selection !== now.session.selection) MARKED.forEach(mark);
    const { workspace, section } = before ? before.session.view : {};
    const { view } = now.session;
    if (workspace !== view.workspace || section !== view.section) root.requestAnimationFrame(() => MARKED.forEach(mark));
  });
  Object.assign(microtome, { isMarked: (panel) => MARKED.includes(panel), graph, allGraphs, panelOf, afterPlot, bound, extraShapes, resizeAll, mark, metaOf });
})(window);
