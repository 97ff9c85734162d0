"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { isOf } = require("../../assets/69-head-reading.js");

const selection = (positions) => ({ primary: { layer: 5, head: 1 }, positions });

test("a reading is of the selection where head and query are the same", () => {
  assert.equal(isOf("L5H1 from 3 ·to, baseline", selection([7, 3]), "L5H1", 14), true);
  assert.equal(isOf("L5H1 from 30 ·to, baseline", selection([3]), "L5H1", 14), false);
  assert.equal(isOf("L5H11 from 3 ·to, baseline", selection([3]), "L5H1", 14), false);
});

test("without a selected token the query is the last one, as far as it is known", () => {
  assert.equal(isOf("L5H1 from 14 ·to, baseline", selection([]), "L5H1", 14), true);
  assert.equal(isOf("L5H1 from 3 ·to, baseline", selection([]), "L5H1", 14), false);
  assert.equal(isOf("L5H1 from 3 ·to, baseline", selection([]), "L5H1", null), true);
});

test("nothing drawn and nothing selected are of no other head", () => {
  assert.equal(isOf("", selection([]), "L5H1", 14), true);
  assert.equal(isOf("L5H1 from 3 ·to, baseline", { primary: null, positions: [] }, "", 14), true);
});
