"use strict";
const test = require("node:test");
const assert = require("node:assert/strict");

const { isStale, awaited } = require("../../assets/43-stale.js");

test("what was drawn of an earlier experiment is stale, what is of the present one or of none is not", () => {
  assert.equal(isStale(["mt-panel is-ready of-16"], 17), true);
  assert.equal(isStale(["mt-panel is-ready of-17"], 17), false);
  assert.equal(isStale(["mt-panel is-empty", null], 17), false);
});

test("an element is as old as what is in it", () => {
  assert.equal(isStale(["mt-meters", "mt-meter is-good of-3"], 4), true);
});

test("numbers are compared whole", () => {
  assert.equal(isStale(["mt-panel is-ready of-9"], 17), true);
  assert.equal(isStale(["mt-panel is-ready of-170"], 170), false);
});

test("what is awaited names the model while it loads", () => {
  assert.match(awaited({ phase: "loading", message: "Loading ground-truth" }), /Loading ground-truth/);
  assert.match(awaited({ phase: "ready" }), /computing/);
});
