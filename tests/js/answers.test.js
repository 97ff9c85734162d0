"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { leftOut } = require("../../assets/68-answers.js");

test("what was typed and not chosen is named with what is run instead and why", () => {
  const said = leftOut("Answer", "Washington DC", ["·Mary"], "It is two tokens.");
  assert.match(said, /“Washington DC” was not chosen/);
  assert.match(said, /Run goes on with ·Mary\. It is two tokens\./);
});

test("without a choice Run goes on without an answer", () => {
  assert.match(leftOut("Instead of", "x", [], ""), /Run goes on without it\.$/);
});
