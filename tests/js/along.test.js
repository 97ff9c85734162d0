"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { placesOf } = require("../../assets/10-runs.js");
const { after, click } = require("./support.js");

const RANDOM = { seed: 1, kind: "random" };
const named = { type: "add-direction", name: "one", direction: RANDOM };
const along = (change, ...before) =>
  after(named, ...before, { type: "intervene-along", change }).session;
const changes = (session) => session.experiment.interventions.map(({ intervention }) => intervention);

test("one press steers along the direction that is looked at, at the selected layers and positions, and shows it", () => {
  const session = along({ kind: "steer", strength: 4 },
    { type: "click-position", position: 2 }, { type: "click-position", position: 1, add: true }, { type: "click-layer", layer: 1 });
  const [steer] = changes(session);
  assert.deepEqual([steer.kind, steer.strength, steer.unit, steer.direction], ["steer", 4, "absolute", RANDOM]);
  assert.deepEqual([steer.site.activation, steer.site.layer, steer.site.positions], ["resid_post", 1, [1, 2]]);
  assert.equal(session.view.show, "intervened");
});

test("without a selection it is at the direction's own place, else after the last layer; without a direction nothing happens", () => {
  const [out] = changes(along({ kind: "project_out" }, click(1, 0)));
  assert.deepEqual([out.site.activation, out.site.layer, out.site.positions, out.share], ["resid_post", 3, null, 1]);
  const home = (direction) => placesOf({ layers: [] }, direction, 3);
  assert.deepEqual(home({ kind: "sae_feature", layer: 1, activation: "mlp_out" }), [{ activation: "mlp_out", layer: 1 }]);
  assert.deepEqual(home({ kind: "placebo", of: { kind: "probe", layer: 0, activation: "resid_pre" } }), [{ activation: "resid_pre", layer: 0 }]);
  assert.deepEqual(home({ kind: "singular_vector", head: { layer: 1, head: 0 }, side: "read" }), [{ activation: "resid_pre", layer: 1 }]);
  assert.deepEqual(changes(after({ type: "intervene-along", change: { kind: "project_out" } }).session), []);
});

test("pressed again it is in the list once, and a swap needs the pair's other prompt", () => {
  const again = { type: "intervene-along", change: { kind: "project_out" } };
  assert.equal(changes(along({ kind: "project_out" }, again)).length, 1);
  const [swap] = changes(along({ kind: "swap_along" }));
  assert.deepEqual(swap === undefined || swap.directions, [RANDOM]);
});
