"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { writtenOut } = require("../../assets/22-numbers.js");

test("powers of ten are written out, other text is not touched", () => {
  assert.deepEqual(["1e3", "1E-3", "-2.5e2", " .5e1 "].map(writtenOut), ["1000", "0.001", "-250", "5"]);
  assert.deepEqual(["12", "e", "1e", "one", "1e99"].map(writtenOut), [null, null, null, null, null]);
});
