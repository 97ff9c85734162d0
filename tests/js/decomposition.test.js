"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { placeOf, clickOn, asked } = require("../../assets/66-decomposition.js");
const { shapesFor } = require("../../assets/40-shapes.js");
const { after, click, reduce, MODEL } = require("./support.js");

test("a bar selects what its name says", () => {
  assert.deepEqual(clickOn("L5H1", true), { type: "click-head", layer: 5, head: 1, add: true });
  assert.deepEqual(clickOn("L5H1 ← 3 ·Mary", false), { type: "click-place", layer: 5, head: 1, position: 3, add: false });
  assert.deepEqual(clickOn("L5H1 ← 3", false).position, 3);
  assert.deepEqual(clickOn("L5H1 ← 3 a b", false).position, 3);
  assert.deepEqual(clickOn("L5N12", false), { type: "click-place", layer: 5, neuron: 12, add: false });
  for (const label of ["L5", "L5.attn", "L5.mlp"]) assert.deepEqual(clickOn(label, false), { type: "click-layer", layer: 5, add: false });
});

test("what is no place selects nothing", () => {
  for (const label of ["embed", "bias", "1,204 others", "b_O of all layers", "MLPs, not by neuron"]) assert.equal(placeOf(label), null);
});

test("selected heads, layers and neurons are marked in their rows", () => {
  const rows = ["L1H2 ← 3 ·a", "L1.mlp", "L1N4", "bias"];
  const marked = (selection) => shapesFor(selection, "decomposition", { rows }).map(({ y0 }) => y0 + 0.5);
  assert.deepEqual(marked(after(click(1, 2)).session.selection), [0]);
  assert.deepEqual(marked(after({ type: "click-place", layer: 1, neuron: 4 }).session.selection), [1, 2]);
});

test("the level is drawn, scale and prompts are computed", () => {
  const before = after();
  const level = reduce(before, { type: "show-residual", parts: { level: "neuron" } }, MODEL);
  assert.equal(level.session.residual.parts.level, "neuron");
  assert.deepEqual(asked(level.session), asked(before.session));
  const wrong = reduce(before, { type: "show-residual", parts: { scale: "none" } }, MODEL);
  assert.equal(wrong.session.residual.parts.scale, "own");
});
