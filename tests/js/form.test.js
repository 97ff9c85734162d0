"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { EMPTY, fieldsFor, written, fromSelection, fromIntervention, directionChoices } = require("../../assets/63-form.js");
const { after, click, head } = require("./support.js");

const fields = (change) => fieldsFor({ ...EMPTY, ...change });
const selected = (...actions) => fromSelection(after(...actions).session.selection);
const added = (intervention) =>
  fromIntervention(after({ type: "add-intervention", intervention }).session.experiment.interventions[0].intervention);

test("numbers are written as runs, all of them as nothing", () => {
  assert.equal(written([3, 5, 6, 7, 9]), "3, 5-7, 9");
  assert.equal(written([2, 1]), "2, 1");
  assert.equal(written(null), "");
});

test("only fields that mean something are shown", () => {
  assert.ok(["heads", "method"].every((name) => fields({}).includes(name)));
  assert.ok(["reference", "texts", "neurons", "edges", "scale"].every((name) => !fields({}).includes(name)));
  assert.ok(fields({ method: "mean" }).includes("pooled") && !fields({ method: "mean" }).includes("seed"));
  assert.ok(fields({ method: "resample", reference: "texts" }).includes("texts"));
  assert.ok(!fields({ method: "zero", reference: "texts" }).includes("texts"));
  assert.ok(fields({ activation: "mlp_post" }).includes("neurons") && !fields({ activation: "mlp_post" }).includes("heads"));
  assert.ok(!fields({ kind: "gaussian_noise" }).includes("layers") && fields({ kind: "gaussian_noise" }).includes("positions"));
  assert.ok(!fields({ kind: "knock_out_edge" }).includes("positions"));
});

test("every field of the form is shown for some kind", () => {
  const all = ["ablate", "patch", "knock_out_edge", "gaussian_noise", "along"].flatMap((kind) =>
    ["z", "mlp_post"].flatMap((activation) => ["zero", "mean", "resample"].flatMap((method) =>
      ["steer", "clamp", "project_out", "swap_along"].flatMap((change) =>
        fieldsFor({ kind, activation, method, reference: "texts", change, to: "mean" })))));
  assert.deepEqual(Object.keys(EMPTY).filter((name) => !all.includes(name)), []);
});

test("the selection fills in heads of one layer, layers where it spans several, and two tokens as an edge", () => {
  const tokens = [{ type: "click-position", position: 1 }, { type: "click-position", position: 4, add: true }];
  const one = selected(click(2, 1), click(2, 0, true), ...tokens);
  assert.deepEqual([one.activation, one.layers, one.heads, one.positions, one.edges], ["z", "2", "0-1", "1, 4", "4→1"]);
  const several = selected(click(2, 1), click(3, 0, true));
  assert.deepEqual([several.layers, several.heads], ["2-3", ""]);
  const place = selected({ type: "click-place", layer: 3, position: 2 });
  assert.deepEqual([place.activation, place.layers, place.heads, place.positions], ["resid_pre", "3", "", "2"]);
  assert.deepEqual([selected().layers, selected().activation], ["", "z"]);
});

test("an intervention fills in what it says and leaves the rest as it begins", () => {
  const site = { activation: "z", layer: 2, heads: [0, 1, 2], positions: [4] };
  const patch = added({ kind: "patch", site, source: "x y", source_positions: [3], freeze: ["scale"], prompts: [0] });
  assert.deepEqual([patch.kind, patch.layers, patch.heads, patch.positions], ["patch", "2", "0-2", "4"]);
  assert.deepEqual([patch.source, patch.source_positions, patch.freeze, patch.prompts], ["x y", "3", ["scale"], "0"]);
  const own = added({ kind: "ablate", site, method: "resample", reference: ["a b", "c d"], seed: 2 });
  assert.deepEqual([own.reference, own.texts, own.seed, own.pooled], ["texts", "a b\nc d", 2, true]);
  const edge = added({ kind: "knock_out_edge", layer: 1, heads: [2], edges: [[3, 1], [3, 0]], value: 0.25 });
  assert.deepEqual([edge.layers, edge.heads, edge.edges, edge.value], ["1", "2", "3→1, 3→0", 0.25]);
  const noise = added({ kind: "gaussian_noise", positions: [1, 2], scale: 2 });
  assert.deepEqual([noise.positions, noise.scale, noise.layers], ["1-2", 2, ""]);
  assert.deepEqual(Object.keys(noise).sort(), Object.keys(EMPTY).sort());
});

test("a change along a direction fills in the direction as JSON, and the library's names are the choices", () => {
  const random = { seed: 1, kind: "random" };
  const site = { activation: "resid_post", layer: 2 };
  const steer = added({ kind: "steer", site, direction: random, strength: -2 });
  assert.deepEqual([steer.kind, steer.change, steer.strength, steer.layers], ["along", "steer", -2, "2"]);
  assert.deepEqual(JSON.parse(steer.direction), random);
  const swap = added({ kind: "swap_along", site, directions: [random, { seed: 2, kind: "random" }] });
  assert.deepEqual([swap.change, swap.also.length], ["swap_along", 1]);
  assert.deepEqual(Object.keys(swap).sort(), Object.keys(EMPTY).sort());
  const choices = directionChoices([{ name: "one", direction: random }], [steer.direction, ...swap.also]);
  assert.deepEqual(choices.map(({ label }) => label), ["one", "random 2"]);
});
