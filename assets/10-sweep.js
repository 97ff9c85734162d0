/* The sweep that is asked for: app.domain.sweep_asked.SweepAsked as JSON. Pure steps of the reducer.
 *
 * `cells` always describes a sweep that exists (app.domain.cells.Cells): what an activation does not have is dropped.
 * `restricted` says that they were copied from the selection; another activation copies it anew.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const paths = typeof require === "undefined" ? root.microtome.paths : require("./10-path-patching.js");
  const { same, existingIndices, isIndex } = state;
  const HEAD_ACTIVATIONS = ["q", "k", "v", "z", "pattern"];
  const CHOICES = {
    activation: ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", ...HEAD_ACTIVATIONS, "mlp_post"],
    by: ["all", "position", "edge"],
    method: ["zero", "mean", "resample", "denoising", "noising", "tracing", "estimate"],
    direction: ["denoising", "noising"],
    reference: ["background", "prompts", "corrupted"],
    normalised: ["effect", "recovered", "recovered_each"],
    against_as: ["map", "scatter"],
  };
  /** The panels of the sweeps beside the map, in order (layouts/ids.py). */
  const BESIDE = ["against", "against-2", "against-3"];
  const FIRST_CELLS = Object.freeze({
    activation: "z", by: "all", layers: null, heads: null, positions: null, neurons: null, window: 1,
  });
  const FIRST_SWEEP = Object.freeze({
    cells: FIRST_CELLS, method: "denoising", against: [], direction: "denoising", reference: "background",
    pooled: true, draws: 1, seed: 0, noise: null, freeze: [], softmax_correction: true, grad_drop: false,
    ig_steps: 1, metric: "logit_diff", normalised: "effect", significant: false, restricted: false,
    against_as: "scatter", one_scale: true, paths: paths.FIRST_PATHS,
  });
  const FIRST_NOISE = { scale: 3, seed: 1, draw: 0, freeze: [], prompts: null, kind: "gaussian_noise" };
  /** As in ROME: the probability of the answer, under the mean of ten draws of the noise. */
  const FIRST_TRACING = { metric: "probability", draws: 10 };
  const MOST_DRAWS = 100; // app.domain.recipes.MOST_DRAWS
  const MOST_STEPS = 100; // app.domain.recipes.MOST_STEPS
  const FROZEN = ["pattern", "scale"];

  const isText = (value) => typeof value === "string" && value !== "";
  const isSwitch = (value) => typeof value === "boolean";
  const isCount = (most) => (value) => Number.isInteger(value) && value >= 1 && value <= most;
  const isList = (check) => (value) => Array.isArray(value) && value.every(check);
  const orNone = (check) => (value) => value === null || check(value);
  const isHead = (value) => !!value && isIndex(value.layer) && isIndex(value.head);
  const isSome = (value) => isList((at) => isIndex(at))(value) && value.length > 0;
  const isIndices = orNone(isSome);
  /** One method, in links from when there was at most one, or none. */
  const severalOf = (value) => (value === null ? [] : Array.isArray(value) ? value : [value]);
  const areMethods = (value) =>
    isList((each) => CHOICES.method.includes(each))(severalOf(value)) && new Set(severalOf(value)).size <= BESIDE.length;
  const isNoise = (value) => !!value && isSome(value.positions);

  /** Field -> whether a value may stand there; links are checked by the same table. */
  const FIELDS = {
    ...Object.fromEntries(["method", "direction", "reference", "normalised", "against_as"].map((name) =>
      [name, (value) => CHOICES[name].includes(value)])),
    against: areMethods,
    pooled: isSwitch, softmax_correction: isSwitch, grad_drop: isSwitch, significant: isSwitch, restricted: isSwitch,
    one_scale: isSwitch, paths: paths.isPaths, ig_steps: isCount(MOST_STEPS),
    draws: isCount(MOST_DRAWS), seed: (value) => isIndex(value), metric: isText, noise: orNone(isNoise),
    freeze: isList((value) => FROZEN.includes(value)),
  };
  const CELL_FIELDS = {
    activation: (value) => CHOICES.activation.includes(value),
    by: (value) => CHOICES.by.includes(value),
    layers: isIndices, positions: isIndices, neurons: isIndices, heads: orNone(isList(isHead)),
    window: isCount(Number.MAX_SAFE_INTEGER),
  };

  // ---- cells that exist ----------------------------------------------------------------------------------------

  /** Those of the values that exist; null (all) where none does. */
  function someOf(values, count) {
    const found = existingIndices(values, count);
    return found.length ? found : null;
  }

  /** Whether these cells are layers at positions. */
  const isPlaces = ({ activation, by }) =>
    by === "position" && activation !== "mlp_post" && !HEAD_ACTIVATIONS.includes(activation);

  const headCount = (activation, model) =>
    ["k", "v"].includes(activation) ? model.n_key_value_heads || model.n_heads : model.n_heads;

  function headsOf({ activation, heads }, model) {
    if (!heads || !HEAD_ACTIVATIONS.includes(activation)) return null;
    const count = headCount(activation, model);
    const found = heads.filter(({ layer, head }) => isIndex(layer, model.n_layers) && isIndex(head, count));
    return found.length ? found : null;
  }

  /** The layers of a neuron sweep must be named: the last one that is selected, else the first. */
  function layersOf(cells, selection, model) {
    const layers = someOf(cells.layers, model.n_layers);
    if (layers || cells.activation !== "mlp_post") return layers;
    const { primary } = selection;
    return [selection.layers.length ? selection.layers[selection.layers.length - 1] : primary ? primary.layer : 0];
  }

  /** These cells without what the activation or the model does not have. The prompts' lengths are the server's matter:
   * the prompt on screen is only one of them. */
  function validCells(cells, selection, model) {
    const by = cells.by === "edge" && cells.activation !== "pattern" ? "position" : cells.by;
    return {
      ...cells,
      by,
      layers: layersOf(cells, selection, model),
      heads: headsOf(cells, model),
      positions: by === "all" ? null : cells.positions,
      neurons: cells.activation === "mlp_post" ? cells.neurons : null,
      window: model.n_layers ? Math.min(cells.window, model.n_layers) : cells.window,
    };
  }

  // ---- the selection as cells ----------------------------------------------------------------------------------

  /** Query heads share key-value heads: the one that a query head reads from. */
  function readHeads(heads, activation, model) {
    const inOrder = [...heads].sort((a, b) => a.layer - b.layer || a.head - b.head);
    const shared = (model.n_heads || 1) / (headCount(activation, model) || model.n_heads || 1);
    const read = inOrder.map(({ layer, head }) => ({ layer, head: Math.floor(head / shared) }));
    return read.filter((head, index) => read.findIndex((other) => same(other, head)) === index);
  }

  const ascending = (values) => [...values].sort((a, b) => a - b);

  function selectedCells({ activation, by, window }, selection, model) {
    const byHead = HEAD_ACTIVATIONS.includes(activation) && selection.heads.length > 0;
    const layers = ascending([...new Set([...selection.layers, ...selection.heads.map(({ layer }) => layer)])]);
    return {
      ...FIRST_CELLS, activation, by, window,
      heads: byHead ? readHeads(selection.heads, activation, model) : null,
      layers: byHead || !layers.length ? null : layers,
      neurons: selection.neuron === null ? null : [selection.neuron],
      positions: by === "all" || !selection.positions.length ? null : ascending(selection.positions),
    };
  }

  const everywhere = ({ activation, by, window }) => ({ ...FIRST_CELLS, activation, by, window });

  /** Cells copied from the selection, or all of them; nothing selected restricts nothing. */
  function restricted(sweep, on, selection, model) {
    const all = validCells(everywhere(sweep.cells), selection, model);
    const cells = on ? validCells(selectedCells(sweep.cells, selection, model), selection, model) : all;
    return { ...sweep, cells, restricted: on && !same(cells, all) };
  }

  // ---- actions -------------------------------------------------------------------------------------------------

  const known = (given, fields) =>
    Object.fromEntries(Object.entries(given).filter(([name, value]) => fields[name] && fields[name](value)));

  /** Causal tracing corrupts the selected tokens, unless it was told which. */
  function noiseOf(sweep, selection) {
    const traced = [sweep.method, ...sweep.against].includes("tracing");
    if (sweep.noise || !traced || !selection.positions.length) return sweep.noise && { ...FIRST_NOISE, ...sweep.noise };
    return { ...FIRST_NOISE, positions: ascending(selection.positions) };
  }

  /** What stands beside a sweep is other sweeps, each once. */
  const besides = ({ method, against }) => [...new Set(severalOf(against))].filter((other) => other !== method);

  /** These cells as another activation or another way of going over them has them. Another activation has other parts:
   * all of them, or those of the selection anew. By position, a restricted sweep is at the selected ones. */
  function movedCells(sweep, asked, selection, model) {
    const { cells } = sweep;
    if ("activation" in asked && asked.activation !== cells.activation) {
      const moved = { ...cells, ...asked };
      return sweep.restricted ? selectedCells(moved, selection, model) : { ...everywhere(moved), ...asked };
    }
    const placed = cells.by === "all" && sweep.restricted && selection.positions.length > 0;
    return { ...cells, ...(placed ? { positions: ascending(selection.positions) } : {}), ...asked };
  }

  /** Fields of the sweep, and of its cells, by name; what cannot stand there is left out. */
  function setSweep(session, { type, ...given }, model) {
    const { sweep, selection } = session;
    const asked = known(given, CELL_FIELDS);
    const fields = known(given, FIELDS);
    const traced = fields.method === "tracing" && sweep.method !== "tracing";
    const next = { ...sweep, ...(traced ? FIRST_TRACING : {}), ...fields };
    next.against = besides(next);
    next.noise = noiseOf(next, selection);
    if (fields.paths) next.paths = paths.completePaths({ ...sweep.paths, ...fields.paths }, model);
    next.cells = validCells(movedCells(sweep, asked, selection, model), selection, model);
    next.restricted &&= !same(next.cells, validCells(everywhere(next.cells), selection, model));
    return { ...session, sweep: next };
  }

  /** The selected tokens are the ones that causal tracing corrupts. */
  function corruptSelected(session) {
    const { sweep, selection: { positions } } = session;
    const noise = { ...FIRST_NOISE, ...sweep.noise, positions: ascending(positions) };
    return positions.length ? { ...session, sweep: { ...sweep, noise } } : session;
  }

  function restrictSweep(session, { on }, model) {
    return { ...session, sweep: restricted(session.sweep, Boolean(on), session.selection, model) };
  }

  /** Another model has other heads, another prompt other positions: what no longer means anything goes. */
  function followExperiment(sweep, { sameModel, sameTokens }, selection, model) {
    const free = { ...sweep.paths, receiver: null };
    if (!sameModel) return { ...restricted(sweep, false, selection, model), noise: null, paths: free };
    return sameTokens ? sweep : { ...sweep, noise: null, cells: { ...sweep.cells, positions: null } };
  }

  /** Fewer keys than the whole are filled in; what this model does not have goes. */
  function completeSweep(given, selection, model) {
    const sweep = { ...FIRST_SWEEP, ...given };
    const cells = validCells({ ...FIRST_CELLS, ...sweep.cells }, selection, model);
    const noise = sweep.noise && { ...FIRST_NOISE, ...sweep.noise };
    return { ...sweep, against: besides(sweep), cells, noise, paths: paths.completePaths(sweep.paths, model) };
  }

  root.microtome.sweep = {
    isPlaces, BESIDE, FIRST_SWEEP, CHOICES, FIELDS, CELL_FIELDS, completeSweep, followExperiment,
    SWEEPING: { "set-sweep": setSweep, "restrict-sweep": restrictSweep, "corrupt-selected": corruptSelected },
  };
  if (typeof module !== "undefined") module.exports = root.microtome.sweep;
})(typeof window === "undefined" ? globalThis : window);
