/* The selection outside of graphs: chips of the selection bar, rows of the component table, buttons. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { describe, setProps, write, propsOf, state } = microtome;
  const { anyOn, headLabel } = state;

  // ---- selection bar -------------------------------------------------------------------------------------------

  function chipElement(chip) {
    const element = document.createElement("span");
    element.className = "mt-chip";
    element.dataset.kind = chip.kind;
    element.append(chip.kind === "pinned" ? `pinned ${chip.label}` : chip.label);
    if (chip.remove) element.append(removeButton(chip));
    return element;
  }

  function removeButton(chip) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "×";
    button.setAttribute("aria-label", `Remove ${chip.label} from the selection`);
    button.addEventListener("click", () => microtome.dispatch(chip.remove));
    return button;
  }

  function drawChips({ session }) {
    const place = document.getElementById("selection-bar-chips");
    if (!place) return;
    place.replaceChildren(...describe(session.selection, microtome.shape(), microtome.tokenTexts()).map(chipElement));
    countHidden(place);
  }

  /** How many chips have no room, said at the edge; they are scrolled to. */
  function countHidden(place) {
    const edge = place.scrollLeft + place.clientWidth;
    const hidden = [...place.children].filter((chip) => chip.offsetLeft - place.offsetLeft + chip.offsetWidth > edge).length;
    if (hidden) place.dataset.more = `+${hidden}`;
    else delete place.dataset.more;
  }

  // ---- buttons and switches ------------------------------------------------------------------------------------

  function drawButtons(now) {
    const { session: { selection, experiment }, past, future } = now;
    const none = !selection.heads.length;
    const nothing = none && !selection.positions.length && !selection.layers.length && !selection.pinned;
    write("undo", { disabled: !past.length });
    write("redo", { disabled: !future.length });
    write("ablate-selected", { disabled: none });
    write("patch-selected", { disabled: none || experiment.prompt.corrupted == null });
    write("pin", { disabled: !selection.primary && !selection.pinned });
    write("clear", { disabled: nothing });
  }

  /** Intervened and difference can be chosen only where some intervention is on. */
  function showChoices(session) {
    const { data } = propsOf("show") || {};
    if (!data) return {};
    const disabled = !anyOn(session.experiment);
    return { data: data.map((choice) => ({ ...choice, disabled: choice.value !== "baseline" && disabled })) };
  }

  /** In the difference of runs nothing else is taken away, and signed numbers have no colours of heads. */
  function drawAttentionChoices({ show, attention: { of, minus, by } }) {
    const runs = show === "difference";
    const without = (id, refused) =>
      ((propsOf(id) || {}).data || []).map((choice) => ({ ...choice, disabled: refused(choice.value) }));
    const signed = runs || minus !== null || by === "attribution";
    const each = signed && of === "each" ? "max" : of;
    setProps("attention-together", { value: each, data: without("attention-together", (value) => signed && value === "each") });
    write("attention-by", { value: by || "none" });
    write("attention-minus", { value: runs ? "none" : minus || "none", disabled: runs });
  }

  function drawSwitches({ session }) {
    const { workspace, section } = session.view;
    Object.assign(document.body.dataset, { workspace, section });
    setProps("workspaces", { value: workspace });
    setProps("sections", { value: section });
    drawAttentionChoices(session.view);
    setProps("show", { value: session.view.show, ...showChoices(session) });
  }

  // ---- component table -----------------------------------------------------------------------------------------

  const SETTLE_MS = 60;
  const MOST_ATTEMPTS = 20;
  let grid = null;
  let settling = 0;

  /** Row ids are component labels: heads, and both sublayers of a selected layer. */
  function wantedRows({ heads, layers }) {
    const sublayers = layers.flatMap((layer) => [`L${layer}.attn`, `L${layer}.mlp`]);
    return new Set([...heads.map(headLabel), ...sublayers]);
  }

  /** Select the rows; says whether any was different. */
  function selectRows(session) {
    const wanted = wantedRows(session.selection);
    const off = [];
    const on = [];
    grid.forEachNode((node) => {
      const want = wanted.has(node.id);
      if (want !== Boolean(node.isSelected())) (want ? on : off).push(node);
    });
    if (off.length) grid.setNodesSelected({ nodes: off, newValue: false, source: "api" });
    if (on.length) grid.setNodesSelected({ nodes: on, newValue: true, source: "api" });
    return on.length + off.length > 0;
  }

  /** The grid applies its own, older selection again when new rows stream in: look again until it stays. */
  function drawRows({ session }, attempts = MOST_ATTEMPTS) {
    clearTimeout(settling);
    settling = 0;
    if (!grid || !selectRows(session) || !attempts) return;
    settling = setTimeout(() => drawRows(microtome.current(), attempts - 1), SETTLE_MS);
  }

  function revealPrimary({ session }, before) {
    const { primary } = session.selection;
    const node = grid && primary && grid.getRowNode(headLabel(primary));
    const moved = !before || !state.sameHead(primary, before.session.selection.primary);
    if (node && moved && node.displayed) grid.ensureNodeVisible(node);
  }

  const headsOf = (labels) =>
    labels.map((id) => /^L(\d+)H(\d+)$/.exec(id)).filter(Boolean)
      .map(([, layer, head]) => ({ layer: Number(layer), head: Number(head) }));

  const layersOf = (labels) =>
    labels.map((id) => /^L(\d+)\.(?:attn|mlp)$/.exec(id)).filter(Boolean).map(([, layer]) => Number(layer));

  function readRows(event) {
    if (event.source === "api") return;
    if (event.source.startsWith("api") || event.source === "rowDataChanged") {
      settling = settling || setTimeout(() => drawRows(microtome.current()), SETTLE_MS);
      return;
    }
    const ids = grid.getSelectedNodes().map((node) => node.id);
    const heads = headsOf(ids);
    const fresh = heads.filter((head) => !state.hasHead(microtome.session().selection.heads, head));
    microtome.dispatch({ type: "set-heads", heads, layers: [...new Set(layersOf(ids))], primary: fresh[0] });
    drawRows(microtome.current());
  }

  function bindGrid(api) {
    grid = api;
    api.addEventListener("selectionChanged", readRows);
    api.addEventListener("rowDataUpdated", () => drawRows(microtome.current()));
    drawRows(microtome.current());
  }

  const project = (now, before) => {
    [drawChips, drawSwitches].forEach((draw) => draw(now));
    drawRows(now);
    revealPrimary(now, before);
    drawButtons(now);
  };
  microtome.projections.push(project);
  microtome.whenTokens(() => drawChips(microtome.current()));
  microtome.whenOpen(() => {
    root.dash_ag_grid.getApiAsync("components").then(bindGrid);
  });
})(window);
