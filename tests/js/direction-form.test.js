"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { after, click, session, MODEL, reduce } = require("./support.js");
const { describeDirection, EMPTY, OWN, TOLD, directionFields, prefilled } = require("../../assets/12-describe-direction.js");

const GROUPS = { activation: "resid_post", layer: 5, plus: [{ text: "a" }], minus: [{ text: "b" }, { text: "c" }] };

test("every kind is said in words", () => {
  const said = (direction) => describeDirection(direction);
  assert.equal(said({ kind: "tokens", tokens: [" Mary"], minus: [" John"], matrix: "W_U" }), "tokens, ·Mary − ·John in W_U");
  assert.equal(said({ kind: "tokens", tokens: [" a", "\n"], minus: [], matrix: "W_E" }), "tokens, ·a/⏎ in W_E");
  assert.equal(said({ kind: "mean_difference", ...GROUPS }), "difference of means, resid_post L5, n = 1 − 2");
  assert.equal(said({ kind: "probe", ...GROUPS }), "probe, resid_post L5, n = 1 + 2");
  assert.equal(said({ kind: "singular_vector", head: { layer: 1, head: 2 }, rank: 0, side: "write" }), "head L1H2, what it writes, rank 0");
  assert.equal(said({ kind: "placebo", seed: 3, of: { kind: "random", seed: 1 } }), "placebo 3 of random, seed 1");
  assert.equal(said({ kind: "probe" }), "probe", "a link may lack what a server would fill in");
});

test("only fields that mean something for the kind and its samples are shown", () => {
  const fields = (change) => directionFields({ ...EMPTY, ...change });
  assert.ok(["tokens", "minus_tokens", "matrix", "name"].every((name) => fields({}).includes(name)));
  assert.ok(!fields({}).includes("layer"));
  assert.ok(fields({ kind: "probe" }).includes("plus"));
  const positions = fields({ kind: "mean_difference", groups: "positions" });
  assert.ok(["plus", "position"].every((name) => !positions.includes(name)));
  assert.ok(positions.includes("layer"));
  assert.deepEqual(fields({ kind: "nothing" }), ["name"]);
});

test("every field of the form has a value to begin with", () => {
  const kinds = Object.keys(OWN);
  assert.deepEqual(Object.keys(TOLD), kinds);
  const own = ["file", "array", "row"]; // of the file that is chosen
  for (const kind of kinds) {
    for (const groups of ["texts", "set", "positions"]) {
      assert.ok(directionFields({ kind, groups }).every((name) => name in EMPTY || own.includes(name)), kind);
    }
  }
});

test("a new direction begins with the answers, the prompts of the set, and the middle layer", () => {
  const filled = prefilled(session(), MODEL, "tokens");
  assert.deepEqual([filled.tokens, filled.minus_tokens, filled.layer, filled.groups], [[" c"], [" d"], 2, "set"]);
});

test("selected tokens are groups, the primary head is filled in, and its layer is read", () => {
  const head = prefilled(after(click(3, 1)).session, MODEL, "singular_vector");
  assert.deepEqual([head.kind, head.head, head.layer], ["singular_vector", "L3H1", 3]);
  const tokens = prefilled(after(click(3, 1), { type: "click-position", position: 2 }).session, MODEL, "tokens");
  assert.deepEqual([tokens.kind, tokens.groups], ["mean_difference", "positions"]);
});

test("several directions are added, and undone, in one step", () => {
  const both = ["one", "one"].map((name, seed) => ({ name, direction: { kind: "random", seed } }));
  const added = after({ type: "add-directions", directions: both });
  assert.deepEqual(added.session.directions.map(({ name }) => name), ["one", "one 2"]);
  assert.deepEqual(reduce(added, { type: "undo" }, MODEL).session.directions, []);
});
