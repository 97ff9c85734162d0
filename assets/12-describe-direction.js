/* Directions in words, and the form of a new one: which fields a kind has, and what they are filled with. */
(function (root) {
  "use strict";

  const shown = (tokens) => tokens.map((token) =>
    token.replaceAll(" ", "·").replaceAll("\n", "⏎").replaceAll("\t", "⇥")).join("/");
  const place = ({ activation, layer }) => `${activation} L${layer}`;
  const headOf = (head) => (typeof head === "string" ? head : `L${head.layer}H${head.head}`);

  /** Kind and what tells one from another, as app.domain.directions says it. */
  const SAID = {
    tokens: ({ tokens, minus = [], matrix = "W_U" }) => `tokens, ${shown(tokens)}${minus.length ? ` − ${shown(minus)}` : ""} in ${matrix}`,
    mean_difference: (of) => `difference of means, ${place(of)}, n = ${of.plus.length} − ${of.minus.length}`,
    principal_component: (of) => `principal component ${of.component}, ${place(of)}, n = ${of.samples.length}`,
    probe: (of) => `probe, ${place(of)}, n = ${of.plus.length} + ${of.minus.length}`,
    singular_vector: ({ head, rank, side }) => `head ${headOf(head)}, what it ${side}s, rank ${rank}`,
    sae_feature: ({ feature, folder }) => `feature ${feature}, ${folder.split("/").filter(Boolean).pop()}`,
    vector: ({ source }) => `numbers, ${source}`,
    random: ({ seed }) => `random, seed ${seed}`,
    placebo: ({ of, seed }) => `placebo ${seed} of ${describeDirection(of)}`,
  };

  function describeDirection(direction) {
    try {
      return SAID[direction.kind](direction);
    } catch {
      return direction.kind; // from a link, perhaps without what a server would fill in
    }
  }

  // ---- the form ------------------------------------------------------------------------------------------------

  const EMPTY = Object.freeze({
    kind: "tokens", name: "", tokens: [], minus_tokens: [], matrix: "W_U", activation: "resid_post", layer: 0,
    groups: "texts", position: "", plus: "", minus: "", component: 0, C: 1, held_out: 0.25, head: "", rank: 0,
    side: "write", folder: "", feature: 0, numbers: "", source: "", json: "", of: "", seed: 0,
  });
  const SAMPLED = ["activation", "layer", "groups"];
  const OWN = {
    tokens: ["tokens", "minus_tokens", "matrix"],
    mean_difference: SAMPLED,
    principal_component: [...SAMPLED, "component"],
    probe: [...SAMPLED, "C", "held_out", "seed"],
    singular_vector: ["head", "rank", "side"],
    sae_feature: ["folder", "feature"],
    vector: ["file", "array", "row", "source", "numbers"],
    random: ["of", "seed"],
    json: ["json"],
  };

  /** What each kind is, in one line. */
  const TOLD = {
    tokens: "Columns of W_U (or rows of W_E): the mean of the tokens, minus the mean of those below.",
    mean_difference: "Mean activation of one group of texts or tokens, minus that of the other.",
    principal_component: "What the activations of these texts or tokens vary along most; component 0 explains the most variance.",
    probe: "Weights of a logistic regression that tells the two groups apart, with held-out accuracy and a shuffled-label control.",
    singular_vector: "A singular vector of the head's W_V W_O: what it writes to the stream, or what it reads there.",
    sae_feature: "A decoder row of a sparse autoencoder in a local SAELens folder.",
    vector: "Numbers of your own: pasted, or from a .npy or .safetensors file.",
    random: "A draw from the unit sphere; or a placebo: as long as another direction, and at right angles to it.",
    json: "What “{}” in the rail copies: one direction, or a list of named ones.",
  };

  /** Names of the fields that mean something for this kind, and of these samples. */
  function directionFields({ kind, groups }) {
    const own = OWN[kind] || [];
    const sampled = !own.includes("groups") ? [] : { texts: ["position", "plus", "minus"], set: ["position"] }[groups] || [];
    return ["name", ...own, ...sampled];
  }

  /** What a new direction begins with: selected tokens as groups; else the primary head; else the two answers. */
  function prefilled(session, { n_layers }, before) {
    const { experiment: { prompt, prompts }, selection: { primary, positions, layers }, residual: { features } } = session;
    const last = layers.length ? layers[layers.length - 1] : primary && primary.layer;
    const paired = [prompt, ...prompts].some(({ corrupted }) => corrupted !== null);
    const kind = positions.length ? "mean_difference" : before;
    return {
      ...EMPTY, kind, tokens: prompt.answer, minus_tokens: prompt.incorrect_answer,
      layer: last == null ? Math.floor((n_layers || 1) / 2) : last,
      groups: positions.length ? "positions" : paired ? "set" : "texts",
      head: primary ? headOf(primary) : "",
      folder: features.folder, feature: features.feature || 0,
    };
  }

  Object.assign(root.microtome, { describeDirection, directionForm: { EMPTY, TOLD, directionFields, prefilled } });
  if (typeof module !== "undefined") module.exports = { describeDirection, EMPTY, OWN, TOLD, directionFields, prefilled };
})(typeof window === "undefined" ? Object.assign(globalThis, { microtome: globalThis.microtome || {} }) : window);
