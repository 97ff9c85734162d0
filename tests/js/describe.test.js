"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { describe, shownToken } = require("../../assets/12-describe.js");
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
