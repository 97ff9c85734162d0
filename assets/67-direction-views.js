/* The panels of one direction in *Residual*: what a click on them selects, what their controls choose.
 *
 * Figures are the server's: a map of layers and tokens, heads beside ranked bars (meta.rows), readers by column
 * (meta.columns: group -> [first, count]; meta.shared: heads per key-value head), prompts by group.
 */
(function (root) {
  "use strict";

  const { unpacked } = typeof require === "undefined" ? root.microtome : require("./44-readings.js");
  const GROUPS = ["q", "k", "v", "mlp", "gate"];
  const HEAD = /^L(\d+)H(\d+)$/;
  const LAYER = /^L(\d+)\.(mlp|attn|b_O)$/;

  /** A cell of layers and tokens is the place that everything else looks at. */
  function onStream({ part, x, y }, add) {
    if (part === "columns") return { type: "click-position", position: x, add };
    return part === "rows" ? { type: "click-place", layer: y, add } : { type: "click-place", layer: y, position: x, add };
  }

  /** `L5H1` selects the head, `L5.mlp` its layer; what has no layer selects nothing. */
  function onComponent(label, add) {
    const [, layer, head] = HEAD.exec(label || "") || [];
    if (head !== undefined) return { type: "click-head", layer: Number(layer), head: Number(head), add };
    const [, of] = LAYER.exec(label || "") || [];
    return of === undefined ? null : { type: "click-place", layer: Number(of), add };
  }

  /** The map on the left, the bars on the right. */
  function onWriters({ part, x, y, over }, add, { rows = [] }) {
    if (over) return part === "columns" ? null : onComponent(rows[y], add);
    if (part === "cells") return { type: "click-head", layer: y, head: x, add };
    return part === "rows" ? { type: "click-layer", layer: y, add } : { type: "click-head-index", head: x, add };
  }

  /** The heads that read there: of keys and values all that share them; of an MLP its layer. */
  function onReaders({ part, x, y }, add, { columns = {}, shared = 1 }) {
    if (part === "rows") return { type: "click-layer", layer: y, add };
    const group = GROUPS.find((name) => columns[name] && x >= columns[name][0] && x < columns[name][0] + columns[name][1]);
    if (part !== "cells" || !group) return null;
    const at = x - columns[group][0];
    if (group === "q") return { type: "click-head", layer: y, head: at, add };
    if (group === "mlp" || group === "gate") return { type: "click-place", layer: y, add };
    if (shared === 1) return { type: "click-head", layer: y, head: at, add };
    const heads = Array.from({ length: shared }, (_, index) => ({ layer: y, head: at * shared + index }));
    return { type: "set-heads", heads, primary: heads[0], add };
  }

  /** Points of one prompt, named by `customdata`, as rings. */
  function ringed(prompt, traces) {
    return traces.flatMap((trace) => {
      const [prompts, x, y] = [trace.customdata || [], trace.x, trace.y].map(unpacked);
      return Array.from(prompts).flatMap((at, index) => (at === prompt ? [{ name: "prompt", x: x[index], y: y[index] }] : []));
    });
  }

  if (typeof module !== "undefined") module.exports = { onStream, onComponent, onWriters, onReaders, ringed };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { dispatch, write } = microtome;

  for (const [panel, act] of Object.entries({ projection: onStream, writers: onWriters, readers: onReaders })) {
    microtome.clicks[panel] = (where, add, gd) => {
      const action = act(where, add, microtome.metaOf(gd));
      if (action) dispatch(action);
    };
  }

  microtome.extraShapes.push((panel, gd) =>
    (panel === "distribution" ? microtome.shapes.rings(ringed(microtome.session().selection.prompt, gd._fullData)) : []));

  microtome.bound.push((panel, hear) => panel === "distribution" && hear("plotly_click", ({ points = [] }) => {
    const [point] = points;
    if (point && Number.isInteger(point.customdata)) dispatch({ type: "select-prompt", index: point.customdata });
  }));

  const isOpen = ({ view }) => view.workspace === "residual" && view.section === "direction";
  microtome.readAs("readers", (session) => (isOpen(session) ? session.residual.readers.by : null));
  microtome.readAs("distribution", (session) => (isOpen(session) ? session.residual.distribution.by : null));

  // ---- controls ------------------------------------------------------------------------------------------------

  const CHOSEN = {
    "projection-activation": (activation) => ({ projection: { activation } }),
    "projection-normalised": (read) => ({ projection: { normalised: read === "cosine" } }),
    "distribution-by": (by) => ({ distribution: { by } }),
    "writers-prompts": (of) => ({ writers: { of } }),
    "readers-by": (by) => ({ readers: { by } }),
  };

  document.addEventListener("change", ({ target }) => {
    if (CHOSEN[target.id]) dispatch({ type: "show-residual", ...CHOSEN[target.id](target.value) });
  });

  microtome.projections.push(({ session: { residual, experiment } }) => {
    write("projection-activation", { value: residual.projection.activation });
    write("projection-normalised", { value: residual.projection.normalised ? "cosine" : "projection" });
    microtome.offerLabels("distribution-by", experiment, residual.distribution.by);
    write("writers-prompts", { value: residual.writers.of, disabled: experiment.prompts.length < 2 });
    write("readers-by", { value: residual.readers.by });
  });
})(typeof window === "undefined" ? globalThis : window);
