"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { opened, after } = require("./support.js");
const { RANGES, CHOSEN, numbersFor, textAt } = require("../../assets/67-strength.js");
const { encode, decode } = require("../../assets/20-link.js");

test("controls write what differs, and nothing while a box is empty", () => {
  const { strength } = opened().session.residual;
  assert.equal(numbersFor({ "strength-low": -1, "strength-high": 1, "strength-count": 11 }, strength), null);
  assert.equal(numbersFor({ "strength-low": "" }, strength), null);
  assert.deepEqual(numbersFor({ "strength-low": -4, "strength-high": 1 }, strength), { low: -4 });
});

test("another change begins with strengths of its own, and what is asked goes into the link", () => {
  const ask = (id, value) => after({ type: "show-residual", strength: CHOSEN[id](value) }).session;
  for (const by of Object.keys(RANGES)) assert.deepEqual(ask("strength-by", by).residual.strength.low, RANGES[by][0]);
  assert.equal(ask("strength-layer", "").residual.strength.layer, null);
  assert.equal(decode(encode(ask("strength-layer", "1"))).session.residual.strength.layer, 1);
  assert.equal(ask("strength-prompts", "set").residual.strength.of, "set");
  assert.equal(ask("strength-tokens", "999").residual.strength.tokens, 0, "what cannot stand there is left out");
});

test("the text is that of the strength next to the pointer", () => {
  const texts = [[-1, " no"], [0.30000001192092896, " a\nb"]];
  assert.equal(textAt(texts, 0.3), "at 0.3:  a↵b");
  assert.equal(textAt(texts, -0.6), "at -1:  no");
  assert.equal(textAt([], 0), "");
  assert.equal(textAt(texts, null), "");
});
