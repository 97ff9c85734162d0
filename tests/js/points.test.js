"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");

const { ramp, stepOf } = require("../../assets/46-points.js");

test("a ramp runs from the first colour over the middle to the last", () => {
  const scale = [[0, "#ff0000"], [0.5, "#ffffff"], [1, "#0000ff"]];
  assert.deepEqual(ramp(scale, 5), ["rgb(255,0,0)", "rgb(255,128,128)", "rgb(255,255,255)", "rgb(128,128,255)", "rgb(0,0,255)"]);
});

test("numbers beyond the ends are as at the ends, and one colour is enough for equal ends", () => {
  assert.deepEqual([-9, -2, 0, 2, 9].map((value) => stepOf(value, -2, 2, 65)), [0, 0, 32, 64, 64]);
  assert.equal(stepOf(0, 0, 0, 64), 0);
});
