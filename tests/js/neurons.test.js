"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { neuronAsked, ablation, ranking } = require("../../assets/67-neurons.js");
const { after, click } = require("./support.js");

const chosen = (...actions) => neuronAsked(after(...actions).session.selection, 4);

test("neurons are those of the selected layer, else of the primary head's, else of the last", () => {
  assert.deepEqual(chosen({ type: "clear" }), { layer: 3, neuron: null });
  assert.deepEqual(chosen(click(1, 2)), { layer: 1, neuron: null });
  assert.deepEqual(chosen(click(1, 2), { type: "click-place", layer: 2, neuron: 7 }), { layer: 2, neuron: 7 });
  assert.equal(neuronAsked(after({ type: "clear" }).session.selection, null), null);
});

test("one neuron is ablated at every position", () => {
  const change = ablation({ layer: 2, neuron: 7 }, "mean", "background");
  const [item] = after({ type: "add-intervention", interventions: [change] }).session.experiment.interventions.slice(-1);
  assert.deepEqual(item.intervention.site, { activation: "mlp_post", layer: 2, heads: null, positions: null, neurons: [7] });
});

test("the token draws them again only where it ranks them", () => {
  assert.equal(ranking(after({ type: "click-position", position: 3 }).session), "attribution");
  const by = { type: "show-residual", neurons: { by: "activation" } };
  assert.equal(ranking(after(by, { type: "click-position", position: 3 }).session), "activation 3");
});
