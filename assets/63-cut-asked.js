/* What a cut of marked edges is: interventions of the selected heads, and what it does, in words. Pure. */
(function (root) {
  "use strict";

  const inNode = typeof require !== "undefined";
  const runs = inNode ? require("./10-runs.js") : root.microtome.runs;
  const { headLabel } = inNode ? require("./10-reduce.js") : root.microtome.state;
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

  /** {before, after} of the server -> {values, change, said}: in three digits to read, in all of them on hover. */
  function effectOf({ before, after }) {
    const { name, label, signed, unit } = NUMBERS.find((each) => before[each.name] !== null);
    const [from, to] = [before[name], after[name]];
    return {
      values: `${label} ${spoken(from, signed)} → ${spoken(to, signed)}`, change: spoken(to - from, true),
      said: `${label} ${from} → ${to}: ${to - from} (${unit}), in the run as it is now`,
    };
  }

  root.microtome.cutting = { headsOf, interventionsOf, headsText, effectOf };
  if (typeof module !== "undefined") module.exports = root.microtome.cutting;
})(typeof window === "undefined" ? globalThis : window);
