"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { setTo } = require("../../assets/63-fill.js");

test("a number that a field sets to its limit is said with what was typed", () => {
  assert.equal(setTo("Tokens", "9999", "200"), "Tokens: 9999 is outside what it takes, so it is 200.");
  for (const typed of ["200", "200.0", "", " "]) assert.equal(setTo("Tokens", typed, "200"), null);
});
