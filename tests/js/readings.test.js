"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { layoutOf, unpacked, withPoints } = require("../../assets/44-readings.js");

test("another reading keeps the template, the room and all readings, and has the marks of now", () => {
  const readings = { head: { layout: { xaxis: { title: { text: "b" } }, meta: { rows: ["L1H2"] }, shapes: [{ name: "old" }] } } };
  const before = { template: "dark", autosize: true, xaxis: { title: { text: "a" } }, meta: { readings, reading: "layer" } };
  const found = layoutOf("head", before, ({ rows }, drawn) => [...drawn, { name: rows[0] }]);
  assert.deepEqual([found.template, found.autosize, found.xaxis.title.text], ["dark", true, "b"]);
  assert.deepEqual(found.shapes, [{ name: "old" }, { name: "L1H2" }]);
  assert.deepEqual([found.meta.reading, found.meta.rows, found.meta.readings], ["head", ["L1H2"], readings]);
});

test("Plotly's lists of bytes are read by their type", () => {
  const bdata = Buffer.from(new Int16Array([3, -1]).buffer).toString("base64");
  assert.deepEqual(Array.from(unpacked({ dtype: "i2", bdata })), [3, -1]);
  assert.deepEqual(unpacked([1]), [1]);
});

test("points get their places by name, however they are divided", () => {
  const drawn = [
    { customdata: [0, 2], x: [1, 3], y: [4, 6], hovertext: ["a", "c"] },
    { customdata: [1], x: [2], y: [5], hovertext: ["b"] },
  ];
  const [all] = withPoints([{ type: "scatter", customdata: [2, 1, 0] }], drawn);
  assert.deepEqual([all.x, all.y, all.hovertext], [[3, 2, 1], [6, 5, 4], ["c", "b", "a"]]);
  const whole = [{ type: "scatter", x: [1], customdata: [0] }, { type: "heatmap", customdata: [["L0H0"]] }];
  assert.equal(withPoints(whole, drawn), whole);
});
