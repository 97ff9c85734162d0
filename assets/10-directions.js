/* The library of directions, [{name, direction}] as app.domain.directions, and what *Residual* shows
 * (app.domain.residual_asked). Pure steps of the reducer.
 *
 * Names are the keys: one each, 1 to MOST_NAME characters. What a direction is made from is checked by the server.
 */
(function (root) {
  "use strict";

  const MOST_NAME = 40; // app.domain.directions.MOST_NAME
  const SECTIONS = ["lens", "direction", "parts", "geometry", "features"];
  const STREAMS = ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"];

  const LENS_COLOURS = ["probability", "rank", "entropy", "kl_divergence", "logit_diff"]; // app.domain.views.LensColour

  const LEVELS = ["layer", "sublayer", "head", "source", "neuron"]; // app.domain.views.Level

  const isThing = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isName = (name) => typeof name === "string" && name.trim() !== "" && [...name].length <= MOST_NAME;
  const isNamed = (each) => isThing(each) && isName(each.name) && isThing(each.direction) && typeof each.direction.kind === "string";
  const isDirections = (value) => Array.isArray(value) && value.every(isNamed);

  /** The first of each name. */
  const completeDirections = (given) =>
    (isDirections(given) ? given : []).filter((each, at, all) => all.findIndex(({ name }) => name === each.name) === at);

  /** `name`, or `name 2`, `name 3`, ... where it is taken. */
  function freeName(directions, name) {
    const taken = (text) => directions.some((each) => each.name === text);
    if (!taken(name)) return name;
    for (let at = 2; ; at += 1) {
      const end = ` ${at}`;
      const found = [...name].slice(0, MOST_NAME - end.length).join("") + end;
      if (!taken(found)) return found;
    }
  }

  const oneOf = (choices) => (value) => choices.includes(value);
  const isSwitch = (value) => typeof value === "boolean";
  const isIndex = (value) => Number.isInteger(value) && value >= 0;
  const isIndexOrNone = (value) => value === null || isIndex(value);
  const METRICS = ["logit_diff", "answer_log_prob", "probability", "rank", "kl_divergence"]; // app.domain.results.METRICS
  const RANKINGS = ["attribution", "largest", "activation"];
  const POINT_COLOURS = ["side", "token", "answer", "prompt", "position", "logit_diff", "projection", "norm"];
  const LABEL = "label:"; // app.domain.labels.PREFIX
  const oneOrLabel = (choices) => (value) =>
    choices.includes(value) || (typeof value === "string" && value.startsWith(LABEL) && value.length > LABEL.length);

  // ---- what is shown -------------------------------------------------------------------------------------------

  /** part -> field -> whether a value can stand there; a field of no part belongs to the whole. */
  const FIELDS = {
    "": { direction: (value) => value === null || isName(value) },
    projection: { activation: (value) => STREAMS.includes(value), normalised: (value) => typeof value === "boolean" },
    distribution: { by: oneOrLabel(["side", "answer"]) },
    writers: { of: (value) => ["prompt", "set"].includes(value) },
    readers: { by: (value) => ["z", "norm"].includes(value) },
    strength: {
      of: (value) => ["prompt", "set"].includes(value),
      layer: isIndexOrNone, positions: oneOf(["all", "selected"]), by: oneOf(["norm", "absolute", "clamp", "project_out", "swap_along"]),
      low: Number.isFinite, high: Number.isFinite, count: (value) => isIndex(value) && value >= 2 && value <= 51,
      placebos: isSwitch, tokens: (value) => isIndex(value) && value <= 200, metric: oneOf(METRICS),
    },
    lens: {
      colour: (value) => LENS_COLOURS.includes(value), lens: (value) => ["logit", "tuned"].includes(value),
      folder: (value) => typeof value === "string", fingerprint: (value) => typeof value === "string",
      tokens: (value) => Array.isArray(value) && value.every((token) => typeof token === "string"),
    },
    written: { layer: (value) => value === null || (Number.isInteger(value) && value >= 0) },
    neurons: { by: oneOf(RANKINGS) },
    features: {
      folder: (value) => typeof value === "string", fingerprint: (value) => typeof value === "string",
      feature: isIndexOrNone, by: oneOf(RANKINGS),
    },
    parts: {
      level: (value) => LEVELS.includes(value), over: (value) => ["set", "prompt"].includes(value),
      scale: (value) => ["own", "baseline"].includes(value),
    },
    geometry: { drawn: oneOf(["norms", "cosines", "scales"]) },
    map: {
      activation: oneOf(STREAMS), layer: isIndexOrNone, positions: oneOf(["end", "all"]), both: isSwitch,
      method: oneOf(["pca", "umap", "tsne"]), neighbours: (value) => value === null || (isIndex(value) && value >= 2),
      seed: (value) => isIndex(value), colour: oneOrLabel(POINT_COLOURS),
    },
  };
  const FIRST_RESIDUAL = Object.freeze({
    direction: null,
    projection: Object.freeze({ activation: "resid_post", normalised: false }),
    distribution: Object.freeze({ by: "side" }),
    writers: Object.freeze({ of: "prompt" }),
    readers: Object.freeze({ by: "z" }),
    strength: Object.freeze({
      of: "prompt",
      layer: null, positions: "all", by: "norm", low: -1, high: 1, count: 11, placebos: true, tokens: 0, metric: "logit_diff",
    }),
    lens: Object.freeze({ colour: "probability", lens: "logit", folder: "", fingerprint: "", tokens: Object.freeze([]) }),
    written: Object.freeze({ layer: null }),
    neurons: Object.freeze({ by: "attribution" }),
    features: Object.freeze({ folder: "", fingerprint: "", feature: null, by: "attribution" }),
    parts: Object.freeze({ level: "sublayer", over: "set", scale: "own" }),
    geometry: Object.freeze({ drawn: "norms" }),
    map: Object.freeze({
      activation: "resid_post", layer: null, positions: "all", both: true, method: "pca", neighbours: null, seed: 0,
      colour: "side",
    }),
  });

  const known = (part, given) =>
    Object.fromEntries(Object.entries(given || {}).filter(([name, value]) => FIELDS[part][name] && FIELDS[part][name](value)));

  /** Fewer keys than the whole, or wrong ones, are filled in. */
  function completeResidual(given) {
    const parts = Object.keys(FIELDS).filter((part) => part);
    const of = (part) => [part, { ...FIRST_RESIDUAL[part], ...known(part, isThing(given) ? given[part] : {}) }];
    return { ...FIRST_RESIDUAL, ...known("", given), ...Object.fromEntries(parts.map(of)) };
  }

  /** {part: {field: value}} or {field: value}; what cannot stand there is left out. */
  function showResidual(session, { type, ...given }) {
    const before = session.residual;
    const inside = Object.entries(given).map(([name, value]) =>
      [name, FIELDS[name] && name ? { ...before[name], ...known(name, value) } : value]);
    return { ...session, residual: completeResidual({ ...before, ...Object.fromEntries(inside) }) };
  }

  // ---- the library ---------------------------------------------------------------------------------------------

  const looksAt = (session, name) => ({ ...session.residual, direction: name });

  /** At the end, under a name that is free, and looked at. */
  function addDirection(session, { name, direction }) {
    if (!isNamed({ name, direction })) return session;
    const named = { name: freeName(session.directions, name.trim()), direction };
    return { ...session, directions: [...session.directions, named], residual: looksAt(session, named.name) };
  }

  /** Several in one step. */
  const addDirections = (session, { directions }) => (directions || []).reduce(addDirection, session);

  function renameDirection(session, { name, to }) {
    if (!isName(to) || session.directions.some((each) => each.name === to.trim())) return session;
    const directions = session.directions.map((each) => (each.name === name ? { ...each, name: to.trim() } : each));
    const looked = session.residual.direction === name ? looksAt(session, to.trim()) : session.residual;
    return { ...session, directions, residual: looked };
  }

  function removeDirection(session, { name }) {
    const directions = session.directions.filter((each) => each.name !== name);
    const looked = session.residual.direction === name ? looksAt(session, null) : session.residual;
    return { ...session, directions, residual: looked };
  }

  /** The one that is looked at: the one named, or without a name the first; null where there is none. */
  function chosenDirection({ directions, residual }) {
    if (residual.direction === null) return directions[0] || null;
    return directions.find(({ name }) => name === residual.direction) || null;
  }

  /** The name that is looked at where no direction has it, as links and sessions may say; else null. */
  const missingDirection = (session) => (chosenDirection(session) ? null : session.residual.direction);

  root.microtome = root.microtome || {};
  root.microtome.directions = {
    MOST_NAME, SECTIONS, STREAMS, FIELDS, FIRST_RESIDUAL, isDirections, completeDirections, completeResidual,
    chosenDirection, missingDirection, freeName,
    DIRECTING: {
      "add-direction": addDirection, "add-directions": addDirections, "rename-direction": renameDirection, "remove-direction": removeDirection,
      "show-residual": showResidual,
    },
  };
  if (typeof module !== "undefined") module.exports = root.microtome.directions;
})(typeof window === "undefined" ? globalThis : window);
