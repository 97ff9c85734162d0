/* What is run: the prompt set, the prompt of it on screen, the base, and the interventions. Pure steps of the reducer.
 *
 * Where the set is not empty, prompts[selection.prompt] equals experiment.prompt, and no prompt is in it twice. An
 * intervention's `prompts` are numbers of the set, so they move with it. `intervene` covers the selected heads at z,
 * one intervention per layer; heads that an active intervention of the same kind and method already covers are left
 * alone. Adding one shows the intervened run; removing the last shows baseline.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const { same, anyOn } = state;
  const { chosenDirection } = typeof require === "undefined" ? root.microtome.directions : require("./10-directions.js");
  const BASES = ["clean", "corrupted"];
  const METHODS = ["zero", "mean", "resample"];
  const SITE = Object.freeze({ activation: "z", layer: 0, heads: null, positions: null, neurons: null });
  const STREAM = Object.freeze({ ...SITE, activation: "resid_post" });
  const ANYWHERE = { freeze: [], prompts: null };
  /** Every field of each kind as app.domain.interventions has them, so that equal changes are equal here. */
  const FIRST_INTERVENTIONS = Object.freeze({
    ablate: {
      site: SITE, method: "zero", reference: "background", pooled: true, seed: 0, draw: 0, ...ANYWHERE, kind: "ablate",
    },
    patch: { site: SITE, source: null, source_positions: null, ...ANYWHERE, kind: "patch" },
    knock_out_edge: {
      layer: 0, edges: [], heads: null, value: 0, renormalise: false, ...ANYWHERE, kind: "knock_out_edge",
    },
    gaussian_noise: { positions: [], scale: 3, seed: 1, draw: 0, ...ANYWHERE, kind: "gaussian_noise" },
    steer: { site: STREAM, direction: null, strength: 0, unit: "absolute", ...ANYWHERE, kind: "steer" },
    clamp: { site: STREAM, direction: null, value: 0, ...ANYWHERE, kind: "clamp" },
    clamp_feature: { site: STREAM, direction: null, value: 0, ...ANYWHERE, kind: "clamp_feature" },
    project_out: {
      site: STREAM, direction: null, to: "zero", reference: "background", pooled: true, share: 1, ...ANYWHERE,
      kind: "project_out",
    },
    swap_along: {
      site: STREAM, directions: [], source: null, source_positions: null, share: 1, ...ANYWHERE, kind: "swap_along",
    },
  });

  function completeIntervention(given) {
    const whole = { ...FIRST_INTERVENTIONS[given.kind], ...given };
    return whole.site ? { ...whole, site: { ...SITE, ...whole.site } } : whole;
  }

  const completeItem = ({ intervention, on = true }) => ({ intervention: completeIntervention(intervention), on });

  // ---- interventions -------------------------------------------------------------------------------------------

  /** Another prompt of the set where there is one to take from, else the texts that come with the model. */
  const resampledFrom = (experiment) => (experiment.prompts.length > 1 ? "prompts" : "background");

  function describeChange({ kind, method }, experiment) {
    if (kind === "patch") return { kind: "patch" };
    const known = METHODS.includes(method) ? method : "zero";
    const reference = known === "resample" ? resampledFrom(experiment) : "background";
    return { kind: "ablate", method: known, reference };
  }

  /** Heads of one layer that an active intervention of this kind already covers, at every position and prompt. */
  function covered(interventions, change, layer) {
    const whole = completeIntervention(change);
    const alike = interventions.filter(({ on, intervention }) =>
      on && intervention.site && same({ ...intervention, site: null }, { ...whole, site: null }) &&
      same({ ...intervention.site, heads: null }, { ...SITE, layer }));
    return (head) => alike.some(({ intervention: { site } }) => !site.heads || site.heads.includes(head));
  }

  function headsByLayer(heads) {
    const layers = new Map();
    for (const { layer, head } of heads) layers.set(layer, [...(layers.get(layer) || []), head]);
    return [...layers].sort(([a], [b]) => a - b).map(([layer, found]) => [layer, found.sort((a, b) => a - b)]);
  }

  /** In the list once: what is there and off is switched on. */
  function switchOnOrAdd(interventions, intervention) {
    const at = interventions.findIndex((item) => same(item.intervention, intervention));
    if (at < 0) return [...interventions, { intervention, on: true }];
    return interventions.map((item, index) => (index === at ? { ...item, on: true } : item));
  }

  function intervene(session, action) {
    const { experiment, selection } = session;
    if (action.kind === "patch" && experiment.prompt.corrupted == null) return session;
    const change = describeChange(action, experiment);
    let { interventions } = experiment;
    for (const [layer, heads] of headsByLayer(selection.heads)) {
      const left = heads.filter((head) => !covered(interventions, change, layer)(head));
      const intervention = completeIntervention({ ...change, site: { layer, heads: left } });
      if (left.length) interventions = switchOnOrAdd(interventions, intervention);
    }
    return withInterventions(session, interventions);
  }

  const activeCount = (interventions) => interventions.filter((item) => item.on).length;

  function withInterventions(session, interventions) {
    const experiment = settled({ ...session.experiment, interventions });
    const grown = activeCount(experiment.interventions) > activeCount(session.experiment.interventions);
    let show = session.view.show;
    if (!anyOn(experiment)) show = "baseline";
    else if (show === "baseline" && grown) show = "intervened";
    return { ...session, experiment, view: { ...session.view, show } };
  }

  /** One change, or several that were asked for as one (a window of layers). */
  const given = (action) => (action.interventions || [action.intervention]).map(completeIntervention);

  function addIntervention(session, action) {
    return withInterventions(session, given(action).reduce(switchOnOrAdd, session.experiment.interventions));
  }

  /** Along the direction that is looked at, at the selected layers and positions: `change` is a kind and its numbers. */
  function interveneAlong(session, { change }, { n_layers }) {
    const named = chosenDirection(session);
    const { selection, experiment } = session;
    if (!named || (change.kind === "swap_along" && experiment.prompt.corrupted == null)) return session;
    const along = change.kind === "swap_along" ? { directions: [named.direction] } : { direction: named.direction };
    const positions = selection.positions.length ? [...selection.positions].sort((a, b) => a - b) : null;
    const made = placesOf(selection, named.direction, n_layers).map((place) =>
      completeIntervention({ ...change, ...along, site: { ...STREAM, ...place, positions } }));
    return withInterventions(session, made.reduce(switchOnOrAdd, experiment.interventions));
  }

  /** Where a change along a direction is made, as the curve and the views have it (app/domain/direction_places.py): after
   * the selected layers, else at the direction's own place, else after the last layer. */
  function placesOf({ layers }, direction, n_layers) {
    if (layers.length) return [...layers].sort((a, b) => a - b).map((layer) => ({ activation: "resid_post", layer }));
    const { layer, head, side, activation } = direction.of || direction;
    if (head) return [{ activation: side === "read" ? "resid_pre" : "resid_post", layer: head.layer }];
    if (layer != null) return [{ activation: activation || "resid_post", layer }];
    return [{ activation: "resid_post", layer: Math.max(0, (n_layers || 1) - 1) }];
  }

  function setIntervention(session, action) {
    const edited = given(action);
    const change = (item, at) =>
      at === action.index ? edited.map((intervention) => ({ intervention, on: item.on })) : [item];
    return withInterventions(session, session.experiment.interventions.flatMap(change));
  }

  function toggleIntervention(session, { index }) {
    const flip = (item, at) => (at === index ? { ...item, on: !item.on } : item);
    return withInterventions(session, session.experiment.interventions.map(flip));
  }

  function removeIntervention(session, { index }) {
    return withInterventions(session, session.experiment.interventions.filter((_, at) => at !== index));
  }

  // ---- what fits the prompts -----------------------------------------------------------------------------------

  const promptSet = ({ prompts, prompt }) => (prompts.length ? prompts : [prompt]);
  const paired = (prompt) => !!prompt && prompt.corrupted != null;

  /** A patch or swap from the other run of a pair needs pairs, all that it is to hold in. */
  function lacksPair({ kind, source, prompts }, set) {
    if (!["patch", "swap_along"].includes(kind) || source != null) return false;
    return !(prompts === null ? set : set.filter((_, index) => prompts.includes(index))).every(paired);
  }

  /** Numbers of prompts follow the prompts; an intervention whose prompts are all gone is switched off. */
  function renumbered(item, before, after) {
    const { prompts } = item.intervention;
    if (prompts === null) return item;
    const moved = prompts.map((index) => after.findIndex((prompt) => same(prompt, before[index])));
    const left = moved.filter((index) => index >= 0);
    const intervention = { ...item.intervention, prompts: left.length ? left : null };
    return { intervention, on: item.on && left.length > 0 };
  }

  /** What cannot be run with these prompts stays in the list, switched off; the base exists. */
  function settled(experiment) {
    const set = promptSet(experiment);
    const off = ({ on, intervention }) => on && lacksPair(intervention, set);
    const known = experiment.interventions.map((item) => renumbered(item, set, set));
    return {
      ...experiment,
      interventions: known.map((item) => (off(item) ? { ...item, on: false } : item)),
      base: experiment.base === "corrupted" && set.every(paired) ? "corrupted" : "clean",
    };
  }

  // ---- the prompt set ------------------------------------------------------------------------------------------

  const key = ({ clean, corrupted, answer, incorrect_answer }) =>
    JSON.stringify([clean, corrupted, answer, incorrect_answer]);
  const unique = (list) => [...new Map(list.map((prompt) => [key(prompt), prompt])).values()];

  /** The session with this set, and of it the wanted prompt on screen (the first where it is not in it). `before` is
   * the set that the interventions' numbers are of. */
  function withPrompts(session, list, wanted, before = promptSet(session.experiment)) {
    const { experiment, selection } = session;
    const prompts = unique(list);
    const at = Math.max(0, prompts.findIndex((prompt) => same(prompt, wanted)));
    const prompt = prompts.length ? prompts[at] : wanted;
    const after = promptSet({ prompts, prompt });
    const interventions = experiment.interventions.map((item) => renumbered(item, before, after));
    const chosen = { experiment: { ...experiment, prompts, prompt }, selection: { ...selection, prompt: at } };
    return withInterventions({ ...session, ...chosen }, interventions);
  }

  const setPrompts = (session, { prompts }) => withPrompts(session, prompts, session.experiment.prompt);

  /** What is selected stays: prompts of a set are usually alike, token by token. */
  function selectPrompt(session, { index }) {
    const { prompts } = session.experiment;
    return prompts[index] ? withPrompts(session, prompts, prompts[index]) : session;
  }

  /** The prompt on screen, typed anew, takes the place of the one before in the set. */
  function replacePrompt(session, prompt) {
    const { experiment: { prompts }, selection } = session;
    const replaced = prompts.map((old, index) => (index === selection.prompt ? prompt : old));
    return withPrompts(session, replaced, prompt, promptSet({ prompts: replaced, prompt }));
  }

  function setBase(session, { base }) {
    return BASES.includes(base) ? { ...session, experiment: settled({ ...session.experiment, base }) } : session;
  }

  /** Fewer keys than the whole are filled in; what is on screen is one of the set. */
  function completeRuns(session) {
    const experiment = { prompts: [], base: "clean", ...session.experiment };
    const { prompts, prompt } = experiment;
    const here = prompts.some((other) => same(other, prompt)) ? prompt : prompts[session.selection.prompt] || prompt;
    const interventions = (experiment.interventions || []).map(completeItem);
    return withPrompts({ ...session, experiment: { ...experiment, interventions } }, prompts, here);
  }

  root.microtome.runs = {
    FIRST_INTERVENTIONS, BASES, METHODS, headsByLayer, placesOf, completeRuns, withInterventions, withPrompts, replacePrompt,
    RUNNING: {
      intervene,
      "add-intervention": addIntervention,
      "intervene-along": interveneAlong,
      "set-intervention": setIntervention,
      "toggle-intervention": toggleIntervention,
      "remove-intervention": removeIntervention,
      "set-prompts": setPrompts,
      "select-prompt": selectPrompt,
      "set-base": setBase,
    },
  };
  if (typeof module !== "undefined") module.exports = root.microtome.runs;
})(typeof window === "undefined" ? globalThis : window);
