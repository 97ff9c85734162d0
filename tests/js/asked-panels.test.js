"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Kept } = require("../../assets/45-asked-panels.js");

test("answers are kept until there are too many characters, the oldest go first", () => {
  const kept = new Kept(10);
  kept.set("a", "A", 4);
  kept.set("b", "B", 4);
  kept.set("a", "A again", 5);
  kept.set("c", "C", 4);
  assert.deepEqual(["a", "b", "c"].map((key) => kept.get(key)), ["A again", undefined, "C"]);
  kept.set("d", "as large as it is", 100);
  assert.deepEqual(["a", "c", "d"].map((key) => kept.get(key)), [undefined, undefined, "as large as it is"]);
});
