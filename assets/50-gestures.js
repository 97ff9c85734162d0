/* Mouse and touch: clicks, headers, boxes, chips and buttons become actions, by delegation on the document. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, graph, propsOf } = microtome;
  const { partAt, layerAt } = microtome.shapes;
  const STILL_PX = 4;

  // ---- figures -------------------------------------------------------------------------------------------------

  /** Pointer event -> {part, x, y} on this graph's axes; of two plots on those of the one below it. */
  function hit(gd, event) {
    const { xaxis: first, xaxis2: second, yaxis: down, yaxis2: beside } = gd._fullLayout;
    if (!first || !down) return null;
    const box = gd.getBoundingClientRect();
    const over = Boolean(second) && event.clientX - box.left >= second._offset;
    const [xaxis, yaxis] = over ? [second, beside || down] : [first, down];
    const area = { left: xaxis._offset, top: yaxis._offset, width: xaxis._length, height: yaxis._length };
    const point = { x: event.clientX - box.left, y: event.clientY - box.top };
    const found = partAt(point, area, (pixel) => xaxis.p2d(pixel), (pixel) => yaxis.p2d(pixel));
    return found && { ...found, over };
  }

  function clickedHeads({ part, x, y }, add, gd) {
    if (gd && microtome.metaOf(gd).drawn === "scatter") return; // its points are clicked (66-head-scatter.js)
    if (part === "cells") dispatch({ type: "click-head", layer: y, head: x, add });
    if (part === "rows") dispatch({ type: "click-layer", layer: y, add });
    if (part === "columns") dispatch({ type: "click-head-index", head: x, add });
  }

  function clickedLens({ part, x, y }, add) {
    if (part === "rows") dispatch({ type: "click-layer", layer: y, add });
    else dispatch({ type: "click-position", position: x, add });
  }

  function clickedPattern({ part, x, y }, add) {
    dispatch({ type: "click-position", position: part === "columns" ? x : y, add });
  }

  function clickedTrajectory({ part, x }, add, gd) {
    if (part === "rows") return;
    dispatch({ type: "click-layer", layer: layerAt(microtome.metaOf(gd).layer_x || [], x), add });
  }

  /** A map of a sweep; scatters of cells are clicked by the point (assets/65-sweep-map.js). */
  function clickedSweep(where, add, gd) {
    const meta = microtome.metaOf(gd);
    const action = microtome.places.isMap(meta) && microtome.places.clickOn(meta, where, add, microtome.shape());
    if (action) dispatch(action);
  }

  /** Every row of the strip is a prompt. */
  const clickedStrip = ({ y }) => y !== null && dispatch({ type: "select-prompt", index: y });

  const CLICKED = {
    "head-matrix": clickedHeads, lens: clickedLens, attention: clickedPattern, trajectory: clickedTrajectory,
    "sweep-map": clickedSweep, ...Object.fromEntries(microtome.sweep.BESIDE.map((panel) => [panel, clickedSweep])),
    paths: clickedSweep, strip: clickedStrip,
  };
  microtome.clicks = CLICKED; // panel -> (where, whether to add, figure); later scripts add theirs

  let pressed = null;

  /** Plotly swallows clicks while it drags, so a click is a press and a release at the same place. */
  function press(event) {
    const gd = event.button === 0 && event.target.closest && event.target.closest(".js-plotly-plot");
    pressed = gd && !event.target.closest(".modebar") ? { gd, x: event.clientX, y: event.clientY } : null;
  }

  function release(event) {
    const { gd, x, y } = pressed || {};
    pressed = null;
    if (!gd || Math.hypot(event.clientX - x, event.clientY - y) > STILL_PX) return;
    const panel = microtome.panelOf(gd);
    const where = CLICKED[panel] && graph(panel) ? hit(gd, event) : null;
    if (where) CLICKED[panel](where, event.shiftKey, gd);
  }

  /** Box and lasso select points that are named for their head: of a scatter, or the invisible ones of a map. */
  function selectedHeads(event) {
    const names = ((event && event.points) || []).map(({ customdata }) => headNamed(customdata));
    const heads = names.filter(Boolean);
    if (heads.length) dispatch({ type: "set-heads", heads, add: shiftHeld });
  }

  /** `L5H1` -> {layer, head}. */
  function headNamed(name) {
    const [, layer, head] = /^L(\d+)H(\d+)$/.exec(name) || [];
    return layer === undefined ? null : { layer: Number(layer), head: Number(head) };
  }

  let shiftHeld = false;
  const noteShift = (event) => { shiftHeld = event.shiftKey; };

  microtome.bound.push((panel, hear) => panel === "head-matrix" && hear("plotly_selected", selectedHeads));

  // ---- buttons, chips, lists -----------------------------------------------------------------------------------

  const method = () => (propsOf("ablate-method") || {}).value || "zero";

  const BUTTONS = {
    undo: () => dispatch({ type: "undo" }),
    redo: () => dispatch({ type: "redo" }),
    pin: () => dispatch({ type: "pin" }),
    clear: () => dispatch({ type: "clear" }),
    "ablate-selected": () => dispatch({ type: "intervene", kind: "ablate", method: method() }),
    "patch-selected": () => dispatch({ type: "intervene", kind: "patch" }),
    "copy-link": () => microtome.copyLink(),
    "copy-short-link": () => microtome.copyShortLink(),
    theme: () => microtome.switchTheme(),
    "keys-button": () => microtome.showKeys(),
    "history-clear": () => microtome.past.clear(),
    "prompts-open": () => microtome.openPromptSet(),
    "intervention-add": () => microtome.openForm(),
    "direction-new": () => microtome.openDirection(),
    "directions-copy": () => microtome.copyDirections(),
    "save-direction": () => microtome.openDirection(),
    "form-selection": () => microtome.fillFormFromSelection(),
    "sweep-noise": () => dispatch({ type: "corrupt-selected" }),
  };

  function clicked(event) {
    const chip = event.target.closest("#token-strip [data-position]");
    if (chip) dispatch({ type: "click-position", position: Number(chip.dataset.position), add: event.shiftKey });
    const button = event.target.closest("button[id]");
    if (button && !button.disabled && BUTTONS[button.id]) BUTTONS[button.id]();
    const maximiser = event.target.closest(".mt-maximise");
    if (maximiser) microtome.maximise(maximiser.closest(".mt-panel"));
    if (event.target.closest(".mt-banner-close")) document.getElementById("banner").hidden = true;
  }

  const CHOSEN = {
    "#workspaces": (workspace) => ({ workspace }),
    "#sections": (section) => ({ section }),
    "#show": (show) => ({ show }),
    "#attention-together": (of) => ({ attention: { of } }),
    "#attention-minus": (minus) => ({ attention: { minus: minus === "none" ? null : minus } }),
    "#attention-by": (by) => ({ attention: { by: by === "none" ? null : by } }),
  };
  const CHOOSERS = "input[type=radio], select";

  /** Segmented controls are radio buttons, longer choices native selects; the state may refuse a choice, so they are drawn again from it. */
  function changed(event) {
    const group = event.target.matches(CHOOSERS) && event.target.closest(Object.keys(CHOSEN).join());
    if (!group) return;
    dispatch({ type: "set-view", ...CHOSEN[`#${group.id}`](event.target.value) });
    if (!event.target.matches(":focus-visible")) event.target.blur(); // else the arrow keys would stay here
  }

  // ---- maximise ------------------------------------------------------------------------------------------------

  const maximised = () => document.querySelector(".mt-panel[data-maximised]");

  function maximise(panel) {
    const open = maximised();
    if (open) delete open.dataset.maximised;
    if (panel && panel !== open) panel.dataset.maximised = "true";
    root.requestAnimationFrame(() => microtome.resizeAll());
  }

  document.addEventListener("pointerdown", press, true);
  document.addEventListener("pointerdown", noteShift, true);
  document.addEventListener("pointerup", release, true);
  document.addEventListener("click", clicked);
  document.addEventListener("change", changed);
  Object.assign(microtome, { clickedHeads, headNamed, maximise, maximised, ablateMethod: method, hit, shiftHeld: () => shiftHeld });
})(window);
