/* In words: the selection (chips of its bar), interventions, and labels that the other scripts share. */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const { edgesText } = typeof require === "undefined" ? root.microtome.edges : require("./10-edges.js");
  const { hasHead, sameHead, headLabel } = state;
  const MOST_CHIPS = 40;

  /** Token text as shown everywhere: spaces as ·, newlines as ⏎, tabs as ⇥. */
  const shownToken = (text) => String(text).replaceAll(" ", "·").replaceAll("\n", "⏎").replaceAll("\t", "⇥");

  function wholeLayers(selection, model) {
    if (!model || !model.n_heads) return [];
    const indices = Array.from({ length: model.n_heads }, (_, head) => head);
    const complete = (layer) => indices.every((head) => hasHead(selection.heads, { layer, head }));
    return selection.layers.filter(complete);
  }

  function headChip(head, primary) {
    const remove = { type: "click-head", add: true, ...head };
    return { kind: sameHead(head, primary) ? "primary" : "head", label: headLabel(head), remove };
  }

  const layerChip = (layer) => ({ kind: "layer", label: `layer ${layer}`, remove: { type: "drop-layer", layer } });

  function positionChip(position, tokens) {
    const text = tokens && tokens[position] !== undefined ? ` ${shownToken(tokens[position])}` : "";
    return { kind: "position", label: `${position}${text}`, remove: { type: "click-position", position, add: true } };
  }

  /** The neuron of the last layer selected. */
  const neuronChips = ({ layers, neuron }) =>
    neuron == null || !layers.length ? [] : [
      { kind: "neuron", label: `L${layers[layers.length - 1]}N${neuron}`, remove: { type: "drop-neuron" } },
    ];

  const MOST_PROMPTS = 6;

  /** Prompts that were chosen together, as one chip. */
  function promptChips({ prompts = [] }) {
    const named = prompts.length > MOST_PROMPTS ? `${prompts.length} prompts` : `prompts ${prompts.join(", ")}`;
    return prompts.length ? [{ kind: "prompts", label: named, remove: { type: "drop-prompts" } }] : [];
  }

  /** selection -> [{kind, label, remove: action | null}]; a layer is one chip, beside the primary head where all of its
   * heads are selected; the surplus is one count. */
  function describe(selection, model, tokens) {
    const whole = wholeLayers(selection, model);
    const alone = (head) => !whole.includes(head.layer) || sameHead(head, selection.primary);
    const chips = [
      ...selection.layers.map(layerChip),
      ...selection.heads.filter(alone).map((head) => headChip(head, selection.primary)),
      ...neuronChips(selection),
      ...selection.positions.map((position) => positionChip(position, tokens)),
      ...promptChips(selection),
    ];
    const shown = chips.slice(0, MOST_CHIPS);
    const surplus = chips.length - shown.length;
    if (surplus) shown.push({ kind: "more", label: `${surplus} more`, remove: null });
    if (selection.pinned) shown.push({ kind: "pinned", label: headLabel(selection.pinned), remove: { type: "unpin" } });
    return shown;
  }

  // ---- interventions -------------------------------------------------------------------------------------------

  const LONGEST_TEXT = 24;
  const FROZEN = { pattern: "patterns frozen", scale: "scales frozen" };
  const REFERENCES = { prompts: "of the clean prompts", corrupted: "of the corrupted prompts", background: null };

  const shortly = (text) => (text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text);
  const listed = (letter, values) => (values ? letter + values.join(",") : "");

  /** `L5H1,2`, `L3.resid_pre@4`, `L3N17.mlp_post`; z goes without saying. */
  function siteText({ activation, layer, heads, positions, neurons }) {
    const named = activation === "z" ? "" : `.${activation}`;
    return `L${layer}${listed("H", heads)}${listed("N", neurons)}${named}${listed("@", positions)}`;
  }

  function ablated({ site, method, reference, pooled, seed, draw }) {
    const texts = Array.isArray(reference) && `of ${reference.length} text${reference.length === 1 ? "" : "s"}`;
    const of = texts || REFERENCES[reference];
    return [
      `${method} ${siteText(site)}`,
      method !== "zero" && of,
      method === "mean" && !pooled && "per position",
      method === "resample" && (seed || draw) && `draw ${draw}, seed ${seed}`,
    ];
  }

  function patched({ site, source, source_positions }) {
    const pairs = (source_positions || []).map((from, index) => `${site.positions[index]}←${from}`);
    const place = pairs.length ? siteText({ ...site, positions: null }) + `@${pairs.join(",")}` : siteText(site);
    return [`patch ${place}`, source !== null && `from “${shortly(source)}”`];
  }

  function knockedOut({ layer, heads, edges, value, renormalise }) {
    const action = value === 0 ? "knock out" : `set to ${value}`;
    return [`${action} L${layer}${listed("H", heads)} ${edgesText(edges)}`, renormalise && "rows renormalised"];
  }

  function noised({ positions, scale, seed, draw }) {
    return [`noise ${scale}σ @${positions.join(",")}`, `seed ${seed}`, draw > 0 && `draw ${draw}`];
  }

  // ---- along directions

  const tokensText = (tokens) => tokens.map(shownToken).join("/");
  const DIRECTIONS = {
    tokens: ({ tokens, minus = [] }) => [tokens, minus].filter(({ length }) => length).map(tokensText).join(" − "),
    mean_difference: ({ activation, layer }) => `mean difference of L${layer}.${activation}`,
    principal_component: ({ activation, layer, component }) => `PC${component} of L${layer}.${activation}`,
    probe: ({ activation, layer }) => `probe of L${layer}.${activation}`,
    singular_vector: ({ head, rank, side }) => `${headLabel(head)} OV ${side} ${rank}`,
    sae_feature: ({ feature }) => `feature ${feature}`,
    vector: ({ source }) => source || "a vector",
    random: ({ seed }) => `random ${seed}`,
    placebo: ({ seed, of }) => `placebo ${seed} of ${directionText(of)}`,
  };

  /** Its name in the library, else what it is made from. */
  function directionText(direction, library = []) {
    const named = library.find((each) => state.same(each.direction, direction));
    return named ? named.name : (DIRECTIONS[direction.kind] || (({ kind }) => kind))(direction);
  }

  const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value)}`;

  function steered({ site, direction, strength, unit }, library) {
    return [`steer ${signed(strength)}${unit === "norm" ? "‖a‖" : ""} along ${directionText(direction, library)} @ ${siteText(site)}`];
  }

  const clamped = ({ site, direction, value }, library) =>
    [`clamp ${directionText(direction, library)} to ${value} @ ${siteText(site)}`];

  const featureSet = ({ site, direction, value }, library) =>
    [`${value ? "set" : "ablate"} ${directionText(direction, library)}${value ? ` to ${value}` : ""} @ ${siteText(site)}`];

  function projectedOut({ site, direction, to, reference, pooled, share }, library) {
    const texts = Array.isArray(reference) && `of ${reference.length} text${reference.length === 1 ? "" : "s"}`;
    return [
      `project out ${directionText(direction, library)} @ ${siteText(site)}`, to === "mean" && "to the mean",
      to === "mean" && (texts || REFERENCES[reference]), to === "mean" && !pooled && "per position",
      share !== 1 && `share ${share}`,
    ];
  }

  function swappedAlong({ site, directions, source, source_positions, share }, library) {
    const pairs = (source_positions || []).map((from, index) => `${site.positions[index]}←${from}`);
    const place = pairs.length ? `${siteText({ ...site, positions: null })}@${pairs.join(",")}` : siteText(site);
    const along = directions.map((each) => directionText(each, library)).join(", ");
    return [`swap along ${along} @ ${place}`, source !== null && `from “${shortly(source)}”`, share !== 1 && `share ${share}`];
  }

  const KINDS = {
    ablate: ablated, patch: patched, knock_out_edge: knockedOut, gaussian_noise: noised, steer: steered,
    clamp: clamped, clamp_feature: featureSet, project_out: projectedOut, swap_along: swappedAlong,
  };

  /** One line per intervention: what, where, then everything that is not as usual; directions by their names in the
   * library. */
  function describeIntervention(intervention, library = []) {
    const { kind, freeze, prompts } = intervention;
    const rest = [...freeze.map((part) => FROZEN[part]), prompts !== null && `prompts ${prompts.join(",")}`];
    return [...KINDS[kind](intervention, library), ...rest].filter(Boolean).join(" · ");
  }

  const FEWEST_SHARED = 12;

  function shared(text, other) {
    let at = 0;
    while (at < text.length && text[at] === other[at]) at += 1;
    return at;
  }

  /** Of prompts that begin like the one before or after: from the word in which they differ. */
  function promptText(prompts, index) {
    const { clean } = prompts[index];
    const beside = [prompts[index - 1], prompts[index + 1]].filter((other) => other && other.clean !== clean);
    const from = clean.lastIndexOf(" ", Math.max(0, ...beside.map((other) => shared(clean, other.clean))));
    return from < FEWEST_SHARED ? clean : `…${clean.slice(from)}`;
  }

  Object.assign(root.microtome, { describe, describeIntervention, directionText, promptText, shownToken });
  if (typeof module !== "undefined") module.exports = { describe, describeIntervention, directionText, promptText, shownToken };
})(typeof window === "undefined" ? globalThis : window);
