"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
require("./support.js");
const { linesOf, warning, asText } = require("../../assets/69-head-card.js");

const row = (fields) => ({
  group: "Attention and output", title: "entropy", unit: "nats", signed: false, reading: "0: one key. 1: 2.7 keys.",
  values: [0.5, 0.25, null, 1], background: null, differs: [], ...fields,
});
const CARD = {
  heads: 2,
  rows: [
    row({ group: "Towards the answer", title: "direct", unit: "logit diff", signed: true, values: [1, -2.5, 0, 0.1] }),
    row({ background: [0.5, 1.25, 0, 1], differs: [1] }),
  ],
};
const L0H1 = { layer: 0, head: 1 };

test("a head's lines are its numbers, effects with their sign, compared where there is something to compare with", () => {
  const [direct, entropy] = linesOf(CARD, L0H1);
  assert.deepEqual([direct.here, direct.usual, direct.differs], ["−2.5", null, false]);
  assert.deepEqual([entropy.here, entropy.usual, entropy.differs], ["0.25", "1.25", true]);
  assert.match(entropy.tip, /entropy: 0.25, on background texts 1.25 nats. 0: one key./);
});

test("what is not computed is said, and is not zero", () => {
  assert.equal(linesOf(CARD, { layer: 1, head: 0 })[1].here, "not computed");
});

test("a head that the rows do not have has no lines", () => {
  assert.deepEqual(linesOf(CARD, { layer: 2, head: 0 }), []);
  assert.deepEqual(linesOf(CARD, { layer: 0, head: 2 }), []);
  assert.deepEqual(linesOf({ heads: 0, rows: [] }, L0H1), []);
});

test("the warning names what differs and both numbers, and is silent otherwise", () => {
  assert.equal(warning(linesOf(CARD, L0H1)), "Not as on background texts: entropy 0.25, there 1.25.");
  assert.equal(warning(linesOf(CARD, { layer: 0, head: 0 })), "");
});

test("the card as text has every number with its unit, and the note", () => {
  assert.equal(asText("L0H1", "·a − ·b, baseline", linesOf(CARD, L0H1), "Not swept yet: zero ablation.", "idle"), [
    "L0H1 · ·a − ·b, baseline", "", "Towards the answer", "  direct: −2.5 logit diff", "", "Attention and output",
    "  entropy: 0.25 nats (background texts 1.25), differs much", "", "Not swept yet: zero ablation.", "", "Role: idle",
  ].join("\n"));
});
