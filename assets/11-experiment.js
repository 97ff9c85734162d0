/* The whole reducer: another model or prompt, the view, and every other action, with undo and redo around them. */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const runs = typeof require === "undefined" ? root.microtome.runs : require("./10-runs.js");
  const sweep = typeof require === "undefined" ? root.microtome.sweep : require("./10-sweep.js");
  const heads = typeof require === "undefined" ? root.microtome.heads : require("./10-shown-heads.js");
  const notes = typeof require === "undefined" ? root.microtome.notes : require("./10-role-notes.js");
  const directions = typeof require === "undefined" ? root.microtome.directions : require("./10-directions.js");
  const plates = typeof require === "undefined" ? root.microtome.plates : require("./10-plate.js");
  const { same, anyOn, SELECTING, SHOWS, WORKSPACES, ATTENTION_CHOICES } = state;
  const UNKNOWN_MODEL = Object.freeze({ n_layers: null, n_heads: null, n_key_value_heads: null, n_positions: null });
  const LIMITS = { MOST_NEW_TOKENS: 200, HIGHEST_TEMPERATURE: 10 }; // of app.domain.recipes

  // ---- experiment, view, session -------------------------------------------------------------------------------

  const sameWeights = (a, b) => a.source === b.source && a.name === b.name;

  /** The experiment's model, prompt and, where given, interventions; the prompt takes its place in the set. Another
   * model has other heads, another prompt other positions: what no longer means anything goes. */
  function setExperiment(session, { experiment: { model, prompt, interventions } }, shape) {
    const before = session.experiment;
    const sameModel = sameWeights(before.model, model);
    const sameTokens = same(before.model, model) && before.prompt.clean === prompt.clean;
    const list = sameModel ? interventions || before.interventions : [];
    let { selection } = session;
    if (!sameTokens) selection = { ...selection, positions: [] };
    if (!sameModel) selection = { ...state.EMPTY_SELECTION, prompt: selection.prompt };
    const kept = sameModel ? { notes: session.notes, directions: session.directions } : { notes: [], directions: [] };
    const changed = { ...session, ...kept, experiment: { ...before, model, interventions: list }, selection };
    const asked = sweep.followExperiment(session.sweep, { sameModel, sameTokens }, selection, shape);
    const zoom = sameTokens ? session.zoom : null;
    return runs.replacePrompt({ ...changed, sweep: asked, zoom }, prompt);
  }

  /** examples: listed model -> prompt. Who still looks at a model's example gets the next model's; typing and prompt
   * sets are kept. */
  function setModel(session, { model, examples = {} }, shape) {
    const { prompt, prompts } = session.experiment;
    const untouched = !prompts.length && Object.values(examples).some((example) => same(example, prompt));
    const next = (untouched && !sameWeights(session.experiment.model, model) && examples[model.name]) || prompt;
    return setExperiment(session, { experiment: { model, prompt: next } }, shape);
  }

  const GENERATION = {
    max_new_tokens: (value) => state.isIndex(value - 1, LIMITS.MOST_NEW_TOKENS), seed: (value) => state.isIndex(value),
    temperature: (value) => Number.isFinite(value) && value >= 0 && value <= LIMITS.HIGHEST_TEMPERATURE,
  };

  /** Of the numbers of generated text, those that can stand there. */
  const generating = (given) =>
    Object.fromEntries(Object.entries(given).filter(([name, value]) => GENERATION[name] && GENERATION[name](value)));

  /** Of what is shown of attention, what can be chosen. */
  const attended = (given) =>
    Object.fromEntries(Object.entries(given).filter(([name, value]) => (ATTENTION_CHOICES[name] || []).includes(value)));

  function setView(session, action) {
    const view = { ...session.view };
    if (WORKSPACES.includes(action.workspace)) view.workspace = action.workspace;
    if (directions.SECTIONS.includes(action.section)) view.section = action.section;
    const exists = action.show === "baseline" || anyOn(session.experiment);
    if (SHOWS.includes(action.show) && exists) view.show = action.show;
    if (action.generation) view.generation = { ...view.generation, ...generating(action.generation) };
    if (action.attention) view.attention = { ...view.attention, ...attended(action.attention) };
    return { ...session, view };
  }

  const isSpan = (span, count) => Array.isArray(span) && span.length === 2 && span.every((at) => state.isIndex(at)) &&
    span[0] < span[1] && (count == null || span[1] <= count);

  /** What attention is zoomed into; all cells where that is none of the prompt. */
  const zoomOf = (zoom, { n_positions }) =>
    zoom && isSpan(zoom.rows, n_positions) && isSpan(zoom.columns, n_positions) ? zoom : null;

  const setZoom = (session, { zoom }, model) => ({ ...session, zoom: zoomOf(zoom, model) });

  /** Fewer keys than the whole are filled in; the run shown exists. */
  function completeSession(given, model) {
    const { quantity, ...rest } = given.view || {}; // links from before the session's `heads` have it here
    const view = { ...state.FIRST_VIEW, ...rest };
    view.generation = { ...state.FIRST_GENERATION, ...generating(view.generation || {}) };
    view.attention = { ...state.FIRST_ATTENTION, ...attended(view.attention || {}) };
    const selection = state.clampSelection({ ...state.EMPTY_SELECTION, ...given.selection }, model);
    const session = runs.completeRuns({ experiment: given.experiment, selection, view });
    const shown = heads.completeHeads({ quantity, ...given.heads });
    const written = notes.completeNotes(given.notes, model);
    const asked = sweep.completeSweep(given.sweep, selection, model);
    const library = directions.completeDirections(given.directions);
    const residual = directions.completeResidual(given.residual);
    const zoom = zoomOf(given.zoom, model);
    return { ...session, sweep: asked, heads: shown, notes: written, directions: library, residual, zoom, plate: plates.completePlate(given.plate) };
  }

  const ACTIONS = {
    ...Object.fromEntries(Object.keys(SELECTING).map((type) => [type, state.select])),
    ...runs.RUNNING,
    ...sweep.SWEEPING,
    ...heads.SHOWING,
    ...notes.NOTING,
    ...directions.DIRECTING,
    ...plates.PLATING,
    open: (_, action, model) => completeSession(action.session, model),
    clamp: (session, _, model) => completeSession(session, model),
    "set-experiment": setExperiment,
    "set-model": setModel,
    "set-view": setView,
    "set-zoom": setZoom,
  };

  // ---- undo and redo -------------------------------------------------------------------------------------------

  const PARTS = ["experiment", "selection", "sweep", "heads", "notes", "directions", "residual", "plate"];

  const picked = (session) => Object.fromEntries(PARTS.map((name) => [name, session[name]]));

  function remembered(session) {
    const { show, attention } = session.view;
    return { ...picked(session), show, attention };
  }

  function restored(session, before) {
    const { show, attention } = before;
    const zoom = same(before.experiment.prompt, session.experiment.prompt) ? session.zoom : null;
    return { ...picked(before), view: { ...session.view, show, attention }, zoom };
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
    return Object.fromEntries([...PARTS, "view", "zoom"].map((name) => [name, part(name)]));
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
    return { session: completeSession(session, { ...UNKNOWN_MODEL, ...model }), past: [], future: [] };
  }

  Object.assign(root.microtome, { reduce, initial, zoomOf });
  if (typeof module !== "undefined") module.exports = { reduce, initial, LIMITS, zoomOf };
})(typeof window === "undefined" ? globalThis : window);
