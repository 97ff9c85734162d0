/* The half of the reducer that changes what is computed, with undo and redo around both halves.
 *
 * `intervene` covers the selected heads at z, one intervention per layer; heads that an active intervention of the same
 * kind and method already covers are left alone. Adding one shows the intervened run; removing the last shows baseline.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const { same, anyOn, SELECTING, SHOWS, QUANTITIES, WORKSPACES } = state;
  const UNKNOWN_MODEL = Object.freeze({ n_layers: null, n_heads: null, n_positions: null });

  // ---- interventions -------------------------------------------------------------------------------------------

  function describeChange(action) {
    if (action.kind === "patch") return { kind: "patch" };
    return { method: action.method === "mean" ? "mean" : "zero", reference: "background", kind: "ablate" };
  }

  const sameChange = (intervention, change) =>
    ["kind", "method", "reference"].every((field) => same(intervention[field], change[field]));

  /** Heads of one layer that an active intervention of this kind already covers, at every position. */
  function covered(interventions, change, layer) {
    const alike = interventions.filter(({ on, intervention: { site, ...rest } }) =>
      on && site.layer === layer && site.activation === "z" && !site.positions && sameChange(rest, change));
    return (head) => alike.some(({ intervention: { site } }) => !site.heads || site.heads.includes(head));
  }

  function headsByLayer(heads) {
    const layers = new Map();
    for (const { layer, head } of heads) layers.set(layer, [...(layers.get(layer) || []), head]);
    return [...layers].sort(([a], [b]) => a - b).map(([layer, found]) => [layer, found.sort((a, b) => a - b)]);
  }

  function switchOnOrAdd(interventions, intervention) {
    const at = interventions.findIndex((item) => !item.on && same(item.intervention, intervention));
    if (at < 0) return [...interventions, { intervention, on: true }];
    return interventions.map((item, index) => (index === at ? { ...item, on: true } : item));
  }

  function intervene(session, action) {
    const { experiment, selection } = session;
    if (action.kind === "patch" && experiment.prompt.corrupted == null) return session;
    const change = describeChange(action);
    let interventions = experiment.interventions;
    for (const [layer, heads] of headsByLayer(selection.heads)) {
      const left = heads.filter((head) => !covered(interventions, change, layer)(head));
      const site = { activation: "z", layer, heads: left, positions: null };
      if (left.length) interventions = switchOnOrAdd(interventions, { site, ...change });
    }
    return withInterventions(session, interventions);
  }

  function withInterventions(session, interventions) {
    const experiment = { ...session.experiment, interventions };
    const grown = activeCount(interventions) > activeCount(session.experiment.interventions);
    let show = session.view.show;
    if (!anyOn(experiment)) show = "baseline";
    else if (show === "baseline" && grown) show = "intervened";
    return { ...session, experiment, view: { ...session.view, show } };
  }

  const activeCount = (interventions) => interventions.filter((item) => item.on).length;

  function toggleIntervention(session, { index }) {
    const flip = (item, at) => (at === index ? { ...item, on: !item.on } : item);
    return withInterventions(session, session.experiment.interventions.map(flip));
  }

  function removeIntervention(session, { index }) {
    return withInterventions(session, session.experiment.interventions.filter((_, at) => at !== index));
  }

  // ---- experiment, view, session -------------------------------------------------------------------------------

  const sameWeights = (a, b) => a.source === b.source && a.name === b.name;

  /** A patch needs a corrupted run of the same positions; without one it stays in the list, switched off. */
  function suitable(interventions, prompt) {
    if (prompt.corrupted != null) return interventions;
    return interventions.map((item) => (item.intervention.kind === "patch" && item.on ? { ...item, on: false } : item));
  }

  /** Another model has other heads, another prompt other positions: what no longer means anything goes. */
  function setExperiment(session, { experiment }) {
    const before = session.experiment;
    const sameModel = sameWeights(before.model, experiment.model);
    const list = experiment.interventions || before.interventions;
    const next = { ...experiment, interventions: sameModel ? suitable(list, experiment.prompt) : [] };
    const sameTokens = same(before.model, experiment.model) && before.prompt.clean === experiment.prompt.clean;
    let selection = sameTokens ? session.selection : { ...session.selection, positions: [] };
    if (!sameModel) selection = { ...state.EMPTY_SELECTION };
    return withInterventions({ ...session, experiment: next, selection }, next.interventions);
  }

  /** examples: listed model -> prompt. Who still looks at a model's example gets the next model's; typing is kept. */
  function setModel(session, { model, examples = {} }) {
    const { prompt } = session.experiment;
    const untouched = Object.values(examples).some((example) => same(example, prompt));
    const next = (untouched && !sameWeights(session.experiment.model, model) && examples[model.name]) || prompt;
    return setExperiment(session, { experiment: { ...session.experiment, model, prompt: next } });
  }

  function setView(session, action) {
    const view = { ...session.view };
    if (WORKSPACES.includes(action.workspace)) view.workspace = action.workspace;
    if (QUANTITIES.includes(action.quantity)) view.quantity = action.quantity;
    const exists = action.show === "baseline" || anyOn(session.experiment);
    if (SHOWS.includes(action.show) && exists) view.show = action.show;
    return { ...session, view };
  }

  const ACTIONS = {
    ...Object.fromEntries(Object.keys(SELECTING).map((type) => [type, state.select])),
    open: (_, action, model) => state.completeSession(action.session, model),
    clamp: (session, _, model) => state.completeSession(session, model),
    intervene,
    "toggle-intervention": toggleIntervention,
    "remove-intervention": removeIntervention,
    "set-experiment": setExperiment,
    "set-model": setModel,
    "set-view": setView,
  };

  // ---- undo and redo -------------------------------------------------------------------------------------------

  function remembered({ experiment, selection, view }) {
    return { experiment, selection, show: view.show, quantity: view.quantity };
  }

  function restored(session, { experiment, selection, show, quantity }) {
    return { experiment, selection, view: { ...session.view, show, quantity } };
  }

  function undo(current) {
    if (!current.past.length) return current;
    const session = restored(current.session, current.past[current.past.length - 1]);
    return { session, past: current.past.slice(0, -1), future: [remembered(current.session), ...current.future] };
  }

  function redo(current) {
    if (!current.future.length) return current;
    const session = restored(current.session, current.future[0]);
    return { session, past: [...current.past, remembered(current.session)], future: current.future.slice(1) };
  }

  /** Parts that are equal keep their identity: whoever compares with === sees exactly what changed. */
  function keepEqualParts(before, after) {
    const part = (name) => (same(before[name], after[name]) ? before[name] : after[name]);
    return { experiment: part("experiment"), selection: part("selection"), view: part("view") };
  }

  /** state after action; the same object where nothing changes, unknown actions included. */
  function reduce(current, action, model) {
    if (action.type === "undo") return undo(current);
    if (action.type === "redo") return redo(current);
    const act = ACTIONS[action.type];
    if (!act) return current;
    const session = keepEqualParts(current.session, act(current.session, action, { ...UNKNOWN_MODEL, ...model }));
    if (same(session, current.session)) return current;
    const undoable = action.type !== "clamp" && !same(remembered(session), remembered(current.session));
    if (!undoable) return { ...current, session };
    const past = [...current.past, remembered(current.session)].slice(-state.HISTORY_LIMIT);
    return { session, past, future: [] };
  }

  /** The state of a page that has just opened with this session. */
  function initial(session, model) {
    return { session: state.completeSession(session, { ...UNKNOWN_MODEL, ...model }), past: [], future: [] };
  }

  Object.assign(root.microtome, { reduce, initial });
  if (typeof module !== "undefined") module.exports = { reduce, initial };
})(typeof window === "undefined" ? globalThis : window);
