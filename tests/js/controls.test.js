"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { CONTROLS, shown, actionFor } = require("../../assets/64-sweep-controls.js");
const { session, after, reduce, MODEL } = require("./support.js");

const { sweep } = session();

test("a control that says what is there already is no action, so that drawing it cannot loop", () => {
  for (const [control, props] of Object.entries(shown(sweep))) {
    for (const value of Object.values(props)) assert.equal(actionFor(control, value, sweep), null, control);
  }
});

test("a control sets its field, and then shows it", () => {
  const cases = {
    "sweep-method": "zero", "sweep-against": ["noising", "mean"], "sweep-activation": "q", "sweep-by": "position",
    "sweep-window": 2, "sweep-metric": "rank", "sweep-normalised": "recovered", "sweep-significant": true,
    "sweep-reference": "prompts", "sweep-pooled": false, "sweep-draws": 4, "sweep-seed": 7, "sweep-freeze": ["pattern"],
    "sweep-direction": "noising", "sweep-softmax": false, "sweep-grad-drop": true, "sweep-steps": 5,
  };
  for (const [control, value] of Object.entries(cases)) {
    const next = after(actionFor(control, value, sweep)).session.sweep;
    assert.deepEqual(shown(next)[control][CONTROLS[control][0]], value, control);
  }
});

test("nothing beside the map is the empty choice", () => {
  assert.deepEqual(shown(sweep)["sweep-against"].value, []);
  const beside = after(actionFor("sweep-against", ["zero"], sweep)).session.sweep;
  const none = after(actionFor("sweep-against", ["zero"], sweep), actionFor("sweep-against", [], beside));
  assert.deepEqual(none.session.sweep.against, []);
});

test("one choice brings zero, mean and resample side by side, whatever stood there", () => {
  const action = actionFor("sweep-against", ["noising", "ablations"], sweep);
  assert.deepEqual(after(action).session.sweep.against, ["zero", "mean", "resample"]);
  assert.deepEqual(after({ type: "set-sweep", method: "mean" }, action).session.sweep.against, ["zero", "resample"]);
});

test("the layer of a neuron sweep is a control, while it is one layer", () => {
  const neurons = after({ type: "set-sweep", activation: "mlp_post" }).session.sweep;
  assert.deepEqual(actionFor("sweep-layer", 2, neurons), { type: "set-sweep", layers: [2] });
  const several = after({ type: "set-sweep", activation: "mlp_post", layers: [1, 3] }).session.sweep;
  assert.equal(shown(several)["sweep-layer"].value, "");
  assert.equal(actionFor("sweep-layer", "", several), null);
});

test("the noise of causal tracing has a seed", () => {
  const traced = after({ type: "click-position", position: 2 }, { type: "set-sweep", method: "tracing" }).session.sweep;
  assert.equal(shown(traced)["sweep-noise-seed"].value, 1);
  assert.equal(actionFor("sweep-noise-seed", 7, traced).noise.seed, 7);
});

test("a number that is being typed is no action", () => {
  assert.equal(actionFor("sweep-draws", "", sweep), null);
  assert.equal(actionFor("sweep-draws", undefined, sweep), null);
});

test("the restriction copies the selection, and the noise keeps its tokens when its scale changes", () => {
  assert.deepEqual(actionFor("sweep-restrict", true, sweep), { type: "restrict-sweep", on: true });
  const tokens = [{ type: "click-position", position: 2 }, { type: "set-sweep", method: "tracing" }];
  const traced = after(...tokens);
  const action = actionFor("sweep-noise-scale", 5, traced.session.sweep);
  const { noise } = reduce(traced, action, MODEL).session.sweep;
  assert.deepEqual([noise.positions, noise.scale], [[2], 5]);
  assert.equal(actionFor("sweep-noise-scale", 5, sweep), null);
});
