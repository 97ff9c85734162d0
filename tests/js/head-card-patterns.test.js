const assert = require("node:assert");
const { test } = require("node:test");
const { tokenLines, turned } = require("../../assets/69-head-card-patterns.js");

const tokens = {
  promoted: [[[" a", 2.14], [" b", 1]], [[" c", 0.5]]],
  suppressed: [[[" d", -0.031]], [[" e", -3]]],
};
const dot = (text) => text.replaceAll(" ", "·");

test("a head's tokens stand by rank with their signs", () => {
  assert.deepEqual(tokenLines(tokens, 2, { layer: 0, head: 0 }, dot), [
    ["promotes", "·a +2.1  ·b +1.0"], ["suppresses", "·d −0.031"],
  ]);
});

test("a head that is not there, or tokens on their way, have no lines", () => {
  assert.deepEqual(tokenLines(tokens, 2, { layer: 3, head: 1 }, dot), []);
  assert.deepEqual(tokenLines(null, 2, { layer: 0, head: 0 }, dot), []);
});

test("background texts go round in a circle", () => {
  assert.deepEqual([turned(0, -1, 12), turned(11, 1, 12), turned(3, 1, 0)], [11, 0, 0]);
});
