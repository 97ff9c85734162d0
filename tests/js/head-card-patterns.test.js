const assert = require("node:assert");
const { test } = require("node:test");
const { runOfTokens, tokenLines, turned } = require("../../assets/69-head-card-patterns.js");

const tokens = {
  heads: 2,
  promoted: [[[" a", 2.14], [" b", 1]], [[" c", 0.5]]],
  suppressed: [[[" d", -0.031]], [[" e", -3]]],
};
const dot = (text) => text.replaceAll(" ", "·");

test("a head's tokens stand by rank with their signs", () => {
  assert.deepEqual(tokenLines(tokens, { layer: 0, head: 0 }, dot), [
    ["promotes", "·a +2.14  ·b +1"], ["suppresses", "·d −0.031"],
  ]);
});

test("a head that is not there, or tokens on their way, have no lines", () => {
  assert.deepEqual(tokenLines(tokens, { layer: 3, head: 1 }, dot), []);
  assert.deepEqual(tokenLines(null, { layer: 0, head: 0 }, dot), []);
});

test("background texts go round in a circle", () => {
  assert.deepEqual([turned(0, -1, 12), turned(11, 1, 12), turned(3, 1, 0)], [11, 0, 0]);
});

test("of a difference the intervened run's tokens are shown, and said to be", () => {
  const lines = tokenLines(tokens, { layer: 0, head: 1 }, dot, runOfTokens("difference"));
  assert.deepEqual(lines.map(([words]) => words), ["promotes (intervened)", "suppresses (intervened)"]);
});
