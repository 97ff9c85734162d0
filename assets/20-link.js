/* A session in the address bar: `#s=` + url-safe base64 (no padding) of compact UTF-8 JSON; or `#v=` + the id of one that
 * the server has saved, until something changes.
 *
 * A session that is too long for an address has none: encode gives null, the browser keeps it (30-store.js) and the
 * address is KEPT. decode and read check the shape only; whether model, heads and tokens exist is the server's matter. A refusal says why.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const runs = typeof require === "undefined" ? root.microtome.runs : require("./10-runs.js");
  const sweep = typeof require === "undefined" ? root.microtome.sweep : require("./10-sweep.js");
  const { initial, zoomOf } = typeof require === "undefined" ? root.microtome : require("./11-experiment.js");
  const heads = typeof require === "undefined" ? root.microtome.heads : require("./10-shown-heads.js");
  const notes = typeof require === "undefined" ? root.microtome.notes : require("./10-role-notes.js");
  const directions = typeof require === "undefined" ? root.microtome.directions : require("./10-directions.js");
  const { isIndex, SHOWS, WORKSPACES } = state;
  const PREFIX = "#s=";
  const KEPT = "#kept";
  const SAVED = "#v=";
  const LONGEST = 1000000; // room for a set of some hundred prompts; browsers take about two million

  // ---- text ----------------------------------------------------------------------------------------------------

  function toBase64(text) {
    const bytes = new TextEncoder().encode(text);
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  function fromBase64(text) {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  }

  // ---- shape ---------------------------------------------------------------------------------------------------

  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isText = (value) => typeof value === "string";
  const isTextOrNone = (value) => value == null || isText(value);
  const isIndexList = (value) => Array.isArray(value) && value.every((item) => isIndex(item));
  const isHead = (value) => isObject(value) && isIndex(value.layer) && isIndex(value.head);
  const isHeadOrNone = (value) => value == null || isHead(value);
  const isTextList = (value) => Array.isArray(value) && value.every(isText);
  const missingOr = (check) => (value) => value === undefined || check(value);
  const oneOf = (options) => (value) => options.includes(value);
  const indexListOrNone = (value) => value == null || isIndexList(value);

  const isSite = (site) =>
    isObject(site) && isText(site.activation) && isIndex(site.layer) &&
    indexListOrNone(site.heads) && indexListOrNone(site.positions);

  const isDirection = (value) => isObject(value) && isText(value.kind);
  const isAlong = ({ site, direction }) => isSite(site) && isDirection(direction);

  /** Where an intervention is made; the rest of it is the server's matter. */
  const PLACED = {
    ablate: ({ site }) => isSite(site),
    patch: ({ site }) => isSite(site),
    knock_out_edge: ({ layer, edges }) => isIndex(layer) && Array.isArray(edges) && edges.every(isIndexList),
    gaussian_noise: ({ positions }) => isIndexList(positions),
    steer: isAlong,
    clamp: isAlong,
    clamp_feature: isAlong,
    project_out: isAlong,
    swap_along: ({ site, directions: given }) => isSite(site) && Array.isArray(given) && given.every(isDirection),
  };

  const isIntervention = (value) =>
    isObject(value) && Object.hasOwn(PLACED, value.kind) && PLACED[value.kind](value) && indexListOrNone(value.prompts);

  const isSwitched = (item) =>
    isObject(item) && missingOr((on) => typeof on === "boolean")(item.on) && isIntervention(item.intervention);

  const isLabels = (labels) => isObject(labels) && Object.values(labels).every(isText);

  const isPrompt = (prompt) =>
    isObject(prompt) && isText(prompt.clean) && isTextOrNone(prompt.corrupted) && missingOr(isLabels)(prompt.labels) &&
    missingOr(isTextList)(prompt.answer) && missingOr(isTextList)(prompt.incorrect_answer);

  const missingOrEach = (fields) =>
    Object.fromEntries(Object.entries(fields).map(([name, check]) => [name, missingOr(check)]));
  const CELLS = missingOrEach(sweep.CELL_FIELDS);

  const SHAPE = {
    experiment: {
      model: (model) => isObject(model) && isText(model.source) && isText(model.name),
      prompt: isPrompt,
      prompts: missingOr((list) => Array.isArray(list) && list.every(isPrompt)),
      base: missingOr(oneOf(runs.BASES)),
      interventions: missingOr((list) => Array.isArray(list) && list.every(isSwitched)),
    },
    selection: {
      heads: missingOr((heads) => Array.isArray(heads) && heads.every(isHead)),
      primary: isHeadOrNone,
      pinned: isHeadOrNone,
      positions: missingOr(isIndexList),
      layers: missingOr(isIndexList),
      neuron: (value) => value == null || isIndex(value),
      prompts: missingOr(isIndexList),
      prompt: missingOr((value) => isIndex(value)),
    },
    view: {
      workspace: missingOr(oneOf(WORKSPACES)),
      section: missingOr(oneOf(directions.SECTIONS)),
      show: missingOr(oneOf(SHOWS)),
      quantity: missingOr(heads.FIELDS.quantity), // links from before there was `heads`
      generation: missingOr(isObject),
      attention: missingOr(isObject),
    },
    heads: missingOrEach(heads.FIELDS),
    sweep: {
      ...missingOrEach(sweep.FIELDS),
      cells: missingOr((cells) => isObject(cells) && Object.keys(CELLS).every((field) => CELLS[field](cells[field]))),
    },
  };

  /** Why this is not a session, or null. */
  function fault(session) {
    if (!isObject(session)) return "it does not hold a session";
    for (const [part, fields] of Object.entries(SHAPE)) {
      if (part !== "experiment" && session[part] === undefined) continue;
      if (!isObject(session[part])) return `its ${part} is missing`;
      const wrong = Object.keys(fields).find((field) => !fields[field](session[part][field]));
      if (wrong) return `its ${part} has no usable ${wrong}`;
    }
    if (session.zoom && !zoomOf(session.zoom, {})) return "its zoom is not usable";
    if (!directions.isDirections(session.directions || [])) return "its directions are not usable";
    return notes.isNotes(session.notes || []) ? null : "its notes are not usable";
  }

  const completePrompt = (prompt) => ({ corrupted: null, answer: [], incorrect_answer: [], ...prompt });

  /** Prompts without their optional parts, filled in; everything else the reducer completes when it opens the link. */
  function withDefaults(session) {
    const { prompt, prompts = [] } = session.experiment;
    const experiment = { ...session.experiment, prompt: completePrompt(prompt), prompts: prompts.map(completePrompt) };
    return initial({ ...session, experiment }).session;
  }

  // ---- the codec -----------------------------------------------------------------------------------------------

  /** The address of a session, null where it would be longer than decode takes. */
  function encode(session) {
    const address = PREFIX + toBase64(JSON.stringify(session));
    return address.length > LONGEST ? null : address;
  }

  const refusal = (reason) => ({ session: null, reason });

  /** JSON text -> {session, reason}, one of them. */
  function read(text) {
    let session;
    try {
      session = JSON.parse(text);
    } catch {
      return refusal("it is cut off or damaged");
    }
    const reason = fault(session);
    return reason ? refusal(reason) : { session: withDefaults(session), reason: null };
  }

  /** hash -> {session, reason}: neither where the hash holds no link, one of them otherwise. */
  function decode(hash) {
    if (!hash || !hash.startsWith(PREFIX)) return refusal(null);
    if (hash.length > LONGEST) return refusal(`it is longer than ${LONGEST} characters`);
    try {
      return read(fromBase64(hash.slice(PREFIX.length)));
    } catch {
      return refusal("it is cut off or damaged");
    }
  }

  /** The id of the saved view that the hash names, or null. */
  const savedIn = (hash) => (hash && hash.startsWith(SAVED) ? hash.slice(SAVED.length) : null);

  root.microtome.link = { KEPT, encode, decode, fault, read, savedIn };
  if (typeof module !== "undefined") module.exports = root.microtome.link;
})(typeof window === "undefined" ? globalThis : window);
