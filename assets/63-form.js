/* The form of one intervention: which fields apply, what they are filled with, and where its answer goes.
 *
 * The form is filled from the selection or from an intervention of the list; the server reads and checks it
 * (callbacks/intervention_form.py), and what it read becomes one action.
 */
(function (root) {
  "use strict";

  const HEAD_ACTIVATIONS = ["z", "q", "k", "v", "pattern"];
  const NEURON_ACTIVATIONS = ["mlp_post", "mlp_pre"];
  const STREAMS = ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"];
  const ALONG = ["steer", "clamp", "project_out", "swap_along", "clamp_feature"];
  const { directionText } = typeof require === "undefined" ? root.microtome : require("./12-describe.js");
  const EMPTY = Object.freeze({
    kind: "ablate", activation: "z", layers: "", heads: "", positions: "", neurons: "", edges: "", method: "zero",
    reference: "background", texts: "", pooled: true, seed: 0, draw: 0, source: "", source_positions: "", value: 0,
    renormalise: false, scale: 3, freeze: [], prompts: "", change: "steer", direction: null, also: [], strength: 4,
    unit: "absolute", clamp: 0, to: "zero", share: 1,
  });

  /** Names of the fields that mean something for what is chosen. */
  function fieldsFor({ kind, activation, method, reference, change, to }) {
    const sited = ["ablate", "patch", "along"].includes(kind);
    const mean = to === "mean" ? ["reference", "pooled", ...(reference === "texts" ? ["texts"] : [])] : [];
    const along = {
      steer: ["strength", "unit"], clamp: ["clamp"], clamp_feature: ["clamp"], project_out: ["to", "share", ...mean],
      swap_along: ["also", "share", "source", "source_positions"],
    }[change] || [];
    const ablated = { zero: [], mean: ["reference", "pooled"], resample: ["reference", "seed", "draw"] }[method] || [];
    const own = {
      ablate: ["method", ...ablated, ...(method !== "zero" && reference === "texts" ? ["texts"] : [])],
      patch: ["source", "source_positions"],
      knock_out_edge: ["heads", "edges", "value", "renormalise"],
      gaussian_noise: ["positions", "scale", "seed", "draw"],
      along: ["change", "direction", ...along],
    }[kind];
    return [
      "kind", "freeze", "prompts", ...own,
      ...(kind === "gaussian_noise" ? [] : ["layers"]),
      ...(sited ? ["activation", "positions"] : []),
      ...(sited && HEAD_ACTIVATIONS.includes(activation) ? ["heads"] : []),
      ...(sited && NEURON_ACTIVATIONS.includes(activation) ? ["neurons"] : []),
    ];
  }

  /** [3, 5, 6, 7] -> "3, 5-7"; null, which is all, -> "". */
  function written(indices) {
    const runs = [];
    for (const index of indices || []) {
      const last = runs[runs.length - 1];
      if (last && index === last[1] + 1) last[1] = index;
      else runs.push([index, index]);
    }
    return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
  }

  const ascending = (values) => [...new Set(values)].sort((a, b) => a - b);

  /** What is selected, as a place: heads of one layer as heads, of several as layers; two tokens as an edge. */
  function fromSelection({ heads, primary, layers, positions }) {
    const all = ascending([...layers, ...heads.map(({ layer }) => layer)]);
    const here = primary ? heads.filter(({ layer }) => layer === primary.layer).map(({ head }) => head) : [];
    const one = all.length <= 1 && here.length > 0;
    const edge = positions.length >= 2 ? ascending(positions.slice(-2)) : null;
    return {
      activation: heads.length || !all.length ? "z" : "resid_pre",
      layers: written(one ? [primary.layer] : all),
      heads: one ? written(ascending(here)) : "",
      positions: written(ascending(positions)),
      ...(edge && { edges: `${edge[1]}→${edge[0]}` }),
    };
  }

  /** A change along directions as fields of its own; a direction travels as JSON. */
  function fromAlong({ kind, direction, directions, value }) {
    if (!ALONG.includes(kind)) return {};
    const [first, ...also] = (directions || [direction]).map((each) => JSON.stringify(each));
    return { kind: "along", change: kind, direction: first, also, ...(kind.startsWith("clamp") && { clamp: value, value: 0 }) };
  }

  /** The library, and what an edited intervention is along, as choices: [{value: JSON, label}]. */
  function directionChoices(library, given = []) {
    const named = library.map(({ name, direction }) => ({ value: JSON.stringify(direction), label: name }));
    const others = given.filter((text) => text && !named.some(({ value }) => value === text));
    return [...named, ...others.map((value) => ({ value, label: directionText(JSON.parse(value)) }))];
  }

  /** An intervention of the list as the form's fields. */
  function fromIntervention(intervention) {
    const { site = {}, reference, edges = [] } = intervention;
    const texts = Array.isArray(reference);
    const known = Object.entries(intervention).filter(([name]) => name in EMPTY);
    return {
      ...EMPTY, ...Object.fromEntries(known), activation: site.activation || "z",
      layers: written([site.layer === undefined ? intervention.layer : site.layer].filter((at) => at !== undefined)),
      heads: written(site.heads || intervention.heads),
      positions: written(site.positions || intervention.positions),
      neurons: written(site.neurons),
      edges: edges.map(([dest, src]) => `${dest}→${src}`).join(", "),
      reference: texts ? "texts" : reference || "background",
      texts: texts ? reference.join("\n") : "",
      source: intervention.source || "",
      source_positions: written(intervention.source_positions),
      prompts: written(intervention.prompts),
      ...fromAlong(intervention),
    };
  }

  if (typeof module !== "undefined") {
    module.exports = { EMPTY, fieldsFor, written, fromSelection, fromIntervention, directionChoices };
  }
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { dispatch, setProps, propsOf } = microtome;
  const SWITCHES = ["pooled", "renormalise"];
  let edited = null; // the number of the intervention that is edited, null while one is added

  function fill(fields) {
    for (const [name, value] of Object.entries(fields)) {
      setProps(`form-${name}`, { [SWITCHES.includes(name) ? "checked" : "value"]: value });
    }
  }

  function refuse(text) {
    setProps("form-refusal", { children: text });
  }

  function openForm(index = null) {
    const session = microtome.session();
    const item = index === null ? null : session.experiment.interventions[index];
    edited = item ? index : null;
    const fields = item ? fromIntervention(item.intervention) : { ...EMPTY, ...fromSelection(session.selection) };
    const looked = microtome.directions.chosenDirection(session);
    if (!item && looked) fields.direction = JSON.stringify(looked.direction);
    const data = directionChoices(session.directions, [fields.direction, ...fields.also]);
    for (const name of ["direction", "also"]) setProps(`form-${name}`, { data });
    fill(fields);
    refuse(null);
    setProps("form", { opened: true, title: item ? "Edit intervention" : "Add intervention" });
    showFields();
  }

  function showFields() {
    const names = ["kind", "activation", "method", "reference", "change", "to"];
    const chosen = Object.fromEntries(names.map((name) => [name, (propsOf(`form-${name}`) || {}).value]));
    if (chosen.kind === "along" && !STREAMS.includes(chosen.activation)) fill({ activation: "resid_post" });
    const shown = chosen.kind ? fieldsFor(chosen) : [];
    for (const field of document.querySelectorAll("#form-body [data-field]")) {
      field.hidden = !shown.includes(field.dataset.field);
    }
    for (const row of document.querySelectorAll("#form-body .mt-form-row")) {
      const fields = [...row.querySelectorAll("[data-field]")];
      row.hidden = fields.length > 0 && fields.every((field) => field.hidden);
    }
  }

  const noUpdate = () => root.dash_clientside.no_update;

  /** What the server read from the form and found to hold. */
  function changes(read) {
    if (!read) return noUpdate();
    const { interventions } = read;
    if (edited === null) dispatch({ type: "add-intervention", interventions });
    else dispatch({ type: "set-intervention", index: edited, interventions });
    setProps("form", { opened: false });
    return noUpdate();
  }

  /** What the server read from the text of the prompt set's dialog. */
  function prompts(read) {
    if (!read) return noUpdate();
    const { prompts: set, prompt } = microtome.session().experiment;
    const before = set.length ? set : [prompt];
    dispatch({ type: "set-prompts", prompts: read.add ? [...before, ...read.prompts] : read.prompts });
    setProps("prompts-dialog", { opened: false });
    return noUpdate();
  }

  function fields() {
    queueMicrotask(showFields); // several may be filled in one go
    return noUpdate();
  }

  microtome.formHooks = { changes, prompts, fields };
  Object.assign(microtome, {
    openForm,
    fillFormFromSelection: () => fill(fromSelection(microtome.session().selection)),
    openPromptSet: () => setProps("prompts-dialog", { opened: true }),
  });
})(typeof window === "undefined" ? globalThis : window);
