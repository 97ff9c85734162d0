/* What knocking out the marked edges is: interventions of the selected heads, why not, and what it does, in words. Pure. */
(function (root) {
  "use strict";

  const inNode = typeof require !== "undefined";
  const runs = inNode ? require("./10-runs.js") : root.microtome.runs;
  const { headLabel } = inNode ? require("./10-reduce.js") : root.microtome.state;
  const { MOST_EDGES, mostOf } = inNode ? require("./10-edges.js") : root.microtome.edges;
  const { spoken } = inNode ? require("./61-readout.js") : root.microtome;
  const NAMED_HEADS = 2;

  /** All selected heads where there are several, else the primary one. */
  function headsOf({ heads, primary }) {
    if (heads.length > 1) return heads;
    return primary ? [primary] : [];
  }

  /** One intervention per layer. */
  function interventionsOf(marked, { value, renormalise }, selection) {
    const cut = { ...runs.FIRST_INTERVENTIONS.knock_out_edge, edges: marked, value, renormalise };
    return runs.headsByLayer(headsOf(selection)).map(([layer, heads]) => ({ ...cut, layer, heads }));
  }

  /** Why so many edges cannot be knocked out in these heads at once, or null: every layer has them all. */
  function tooMany(count, heads) {
    const layers = runs.headsByLayer(heads).length;
    if (count <= mostOf(layers)) return null;
    const where = layers > 1 ? ` in each of ${layers} layers` : "";
    return `${count} edges${where} are more than the ${MOST_EDGES} that go together; mark fewer, or ablate`;
  }

  /** Why what is marked cannot be tried, or null. */
  function refusalOf(count, { value }, heads) {
    if (!heads.length) return "Select a head whose edges to knock out";
    if (count && Number.isNaN(value)) return "Say what attention is set to: a number between 0 and 1";
    return tooMany(count, heads);
  }

  function headsText(heads) {
    const named = heads.slice(0, NAMED_HEADS).map(headLabel).join(", ");
    return heads.length > NAMED_HEADS ? `${named} + ${heads.length - NAMED_HEADS} more` : named;
  }

  /** The number that says what a cut does: the logit difference where both answers are named, else what there is. */
  const NUMBERS = [
    { name: "logit_diff", label: "LD", signed: true, unit: "logits" },
    { name: "probability", label: "P", signed: false, unit: "probability of the answer" },
    { name: "kl_divergence", label: "KL", signed: false, unit: "nats, KL(baseline ‖ run)" },
  ];

  /** {before, after} of the server -> {values, change, said}: in three digits to read, in all of them on hover. A number
   * that overflowed is null, and no change is made of it. */
  function effectOf({ before, after }) {
    const { name, label, signed, unit } = NUMBERS.find((each) => before[each.name] !== null) || NUMBERS.at(-1);
    const [from, to] = [before[name], after[name]];
    if (from === null || to === null) return { values: `${label}: no finite number`, change: "", said: `${label} overflowed` };
    return {
      values: `${label} ${spoken(from, signed)} → ${spoken(to, signed)}`, change: spoken(to - from, true),
      said: `${label} ${from} → ${to}: ${to - from} (${unit}), in the run as it is now`,
    };
  }

  root.microtome.cutting = { headsOf, interventionsOf, tooMany, refusalOf, headsText, effectOf };
  if (typeof module !== "undefined") module.exports = root.microtome.cutting;
})(typeof window === "undefined" ? globalThis : window);
