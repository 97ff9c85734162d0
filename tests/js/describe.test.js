"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { describe, describeIntervention, promptText, shownToken } = require("../../assets/12-describe.js");
const { MODEL, after, click, reduce } = require("./support.js");

test("chips name heads, positions with their tokens, and the pinned head", () => {
  const state = after(click(1, 1), click(2, 0, true), { type: "pin" }, { type: "click-position", position: 1 });
  const chips = describe(state.session.selection, MODEL, ["<bos>", " to"]);
  assert.deepEqual(chips.map((chip) => [chip.kind, chip.label]), [
    ["head", "L1H1"], ["primary", "L2H0"], ["position", "1 ·to"], ["pinned", "L2H0"],
  ]);
});

test("a whole layer is one chip, and the primary head is always one of its own", () => {
  const whole = after({ type: "click-layer", layer: 2 });
  assert.deepEqual(describe(whole.session.selection, MODEL).map((chip) => chip.label), ["layer 2", "L2H0"]);
  const state = after({ type: "click-layer", layer: 3 }, click(0, 0, true));
  assert.deepEqual(describe(state.session.selection, MODEL).map((chip) => chip.label), ["layer 3", "L0H0"]);
});

test("removing every chip empties the selection", () => {
  const position = { type: "click-position", position: 2 };
  let state = after({ type: "click-layer", layer: 3 }, click(0, 0, true), position, { type: "pin" });
  for (let left = 4; left > 0; left -= 1) {
    const chips = describe(state.session.selection, MODEL);
    assert.equal(chips.length, left);
    state = reduce(state, chips[0].remove, MODEL);
  }
  assert.deepEqual(describe(state.session.selection, MODEL), []);
});

test("more heads than fit are counted", () => {
  const heads = Array.from({ length: 50 }, (_, index) => ({ layer: index, head: 0 }));
  const chips = describe({ heads, primary: heads[0], pinned: null, positions: [], layers: [] }, null);
  assert.deepEqual([chips.length, chips[40].label, chips[40].remove], [41, "10 more", null]);
});

test("spaces, newlines and tabs in tokens are visible", () => {
  assert.equal(shownToken(" a\n\tb"), "·a⏎⇥b");
});

test("an intervention is one line: what, where, and everything that is not as usual", () => {
  const line = (intervention) =>
    describeIntervention(after({ type: "add-intervention", intervention }).session.experiment.interventions[0].intervention);
  const z = { layer: 5, heads: [1, 2] };
  assert.equal(line({ kind: "ablate", site: z }), "zero L5H1,2");
  assert.equal(line({ kind: "ablate", site: { activation: "mlp_post", layer: 3, neurons: [7] }, freeze: ["pattern", "scale"] }),
    "zero L3N7.mlp_post · patterns frozen · scales frozen");
  assert.equal(line({ kind: "ablate", site: z, method: "mean", pooled: false, reference: "corrupted" }),
    "mean L5H1,2 · of the corrupted prompts · per position");
  assert.equal(line({ kind: "ablate", site: z, method: "resample", reference: ["a", "b"], draw: 2 }),
    "resample L5H1,2 · of 2 texts · draw 2, seed 0");
  assert.equal(line({ kind: "patch", site: { activation: "resid_pre", layer: 0, positions: [3, 4] }, prompts: [0] }),
    "patch L0.resid_pre@3,4 · prompts 0");
  const from = { source: "When Anna and Peter went to the park", source_positions: [7] };
  assert.equal(line({ kind: "patch", site: { ...z, positions: [3] }, ...from }),
    "patch L5H1,2@3←7 · from “When Anna and Peter went…”");
  assert.equal(line({ kind: "knock_out_edge", layer: 9, edges: [[14, 4], [14, 2]], heads: [6] }), "knock out L9H6 14→2 14→4");
  assert.equal(line({ kind: "knock_out_edge", layer: 9, edges: [[1, 0]], value: 0.5, renormalise: true }),
    "set to 0.5 L9 1→0 · rows renormalised");
  assert.equal(line({ kind: "gaussian_noise", positions: [1, 2], draw: 1 }), "noise 3σ @1,2 · seed 1 · draw 1");
});

test("changes along directions name the direction as the library does, else what it is made from", () => {
  const site = { activation: "resid_post", layer: 12, positions: [14] };
  const tokens = { tokens: [" Mary"], minus: [" John"], matrix: "W_U", kind: "tokens" };
  const said = (intervention, library) => {
    const { session } = after({ type: "add-intervention", intervention });
    return describeIntervention(session.experiment.interventions[0].intervention, library);
  };
  const library = [{ name: "Mary−John", direction: tokens }];
  assert.equal(said({ kind: "steer", site: { ...site, positions: null }, direction: tokens, strength: 4 }, library),
    "steer +4 along Mary−John @ L12.resid_post");
  assert.equal(said({ kind: "steer", site, direction: tokens, strength: -0.5, unit: "norm" }),
    "steer −0.5‖a‖ along ·Mary − ·John @ L12.resid_post@14");
  assert.equal(said({ kind: "clamp", site, direction: { kind: "placebo", seed: 1, of: tokens }, value: 2 }),
    "clamp placebo 1 of ·Mary − ·John to 2 @ L12.resid_post@14");
  assert.equal(said({ kind: "project_out", site, direction: tokens, to: "mean", share: 0.5 }, library),
    "project out Mary−John @ L12.resid_post@14 · to the mean · share 0.5");
  assert.equal(said({ kind: "swap_along", site, directions: [tokens, { kind: "random", seed: 3 }], source: "x y", source_positions: [2], share: 0.5 }, library),
    "swap along Mary−John, random 3 @ L12.resid_post@14←2 · from “x y” · share 0.5");
});

test("prompts that begin like the one beside them are shown from the word in which they differ", () => {
  const set = ["When John and Mary went out, John gave", "When John and Mary went out, Mary gave", "A cat", "A dog"]
    .map((clean) => ({ clean }));
  assert.deepEqual(set.map((_, index) => promptText(set, index)), ["… John gave", "… Mary gave", "A cat", "A dog"]);
  assert.equal(promptText([set[2], set[2]], 0), "A cat");
});
