"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { shapesFor, namedHeads, rings, withSelection, partAt, layerAt } = require("../../assets/40-shapes.js");
const { ringed } = require("../../assets/66-head-scatter.js");
const { after, click } = require("./support.js");

const selected = (...actions) => after(...actions).session.selection;
const corners = ({ name, x0, x1, y0, y1 }) => [name, x0, x1, y0, y1];

test("selected heads are cells of the matrix, the pinned one dotted, the primary one on top", () => {
  const selection = selected(click(1, 2), { type: "pin" }, click(3, 0, true));
  const shapes = shapesFor(selection, "head-matrix");
  assert.deepEqual(shapes.map(corners), [
    ["selected", 1.5, 2.5, 0.5, 1.5],
    ["pinned", 1.5, 2.5, 0.5, 1.5],
    ["primary", -0.5, 0.5, 2.5, 3.5],
  ]);
  assert.equal(shapes[1].line.dash, "dot");
});

test("two maps have every mark twice, the scatter of heads has rings instead", () => {
  const selection = selected(click(1, 2), click(3, 0, true));
  const [left, right] = [shapesFor(selection, "head-matrix"), shapesFor(selection, "head-matrix", { drawn: "maps" })];
  assert.deepEqual(right, [...left, ...left.map((shape) => ({ ...shape, xref: "x2" }))]);
  assert.equal(withSelection(right, right), null);
  assert.equal(withSelection(left, right).length, 4, "marks of one map do not pass for those of two");
  assert.deepEqual(shapesFor(selection, "head-matrix", { drawn: "scatter" }), []);
});

test("rings lie around the points of selected heads, as the server draws them", () => {
  const selection = selected(click(1, 2), click(3, 0, true));
  const points = { customdata: ["L0H0", "L3H0", "L1H2"], x: [0, 1, 2], y: [5, 6, 7] };
  const found = ringed(namedHeads(selection), points);
  assert.deepEqual(found, [{ name: "selected", x: 2, y: 7 }, { name: "primary", x: 1, y: 6 }]);
  assert.deepEqual(rings(found).map(({ xanchor, yanchor, line }) => [xanchor, yanchor, line.width]), [[2, 7, 1.5], [1, 6, 3]]);
  assert.deepEqual(ringed(namedHeads(selection), { customdata: ["L1H2"], x: [0], y: [0] }).length, 1, "no point, no ring");
});

test("positions are columns of the lens and rows of the attention pattern", () => {
  const selection = selected({ type: "click-position", position: 2 });
  assert.deepEqual(shapesFor(selection, "lens").map(corners), [["position", 1.5, 2.5, 0, 1]]);
  assert.deepEqual(shapesFor(selection, "attention").map(corners), [["position", 0, 1, 1.5, 2.5]]);
});

test("layers of selected heads are lines of the trajectory where the figure draws them", () => {
  const selection = selected(click(3, 0), click(1, 0, true), click(1, 1, true));
  const shapes = shapesFor(selection, "trajectory", { layer_x: [0, 2, 4, 6] });
  assert.deepEqual(shapes.map(corners), [["layer", 2, 2, 0, 1], ["layer", 6, 6, 0, 1]]);
  assert.deepEqual(shapes.map((shape) => shape.line.width), [2, 1]);
  assert.deepEqual(shapesFor(selection, "trajectory", { layer_x: [0, 2] }).map(corners), [["layer", 2, 2, 0, 1]]);
});

test("a panel that shows nothing of the selection has no shapes", () => {
  assert.deepEqual(shapesFor(selected(click(1, 1)), "prediction"), []);
});

test("shapes of others are kept, and nothing is drawn that is there already", () => {
  const wanted = shapesFor(selected(click(1, 1)), "head-matrix");
  const foreign = { type: "line", name: "guide", x0: 0, x1: 1, y0: 0, y1: 1 };
  const old = shapesFor(selected(click(2, 2)), "head-matrix");
  const drawn = withSelection([...old, foreign], wanted);
  assert.deepEqual(drawn, [foreign, ...wanted]);
  assert.equal(withSelection(drawn, wanted), null);
  assert.equal(withSelection(undefined, []), null);
});

test("the pointer is on a cell, a row header, a column header, or nowhere", () => {
  const area = { left: 40, top: 30, width: 90, height: 300 };
  const toX = (pixel) => pixel / 10 - 0.5;
  const toY = (pixel) => pixel / 10 - 0.5;
  const at = (x, y) => partAt({ x, y }, area, toX, toY);
  assert.deepEqual(at(45, 35), { part: "cells", x: 0, y: 0 });
  assert.deepEqual(at(129, 329), { part: "cells", x: 8, y: 29 });
  assert.deepEqual(at(10, 100), { part: "rows", x: null, y: 7 });
  assert.deepEqual(at(100, 10), { part: "columns", x: 6, y: null });
  assert.deepEqual(at(100, 340), { part: "columns", x: 6, y: null });
  assert.equal(at(10, 10), null);
  assert.equal(at(140, 100), null);
});

test("a point of the trajectory belongs to the layer whose stream it continues", () => {
  const starts = [0, 2, 4];
  assert.deepEqual([0, 1, 2, 3, 4, 6].map((x) => layerAt(starts, x)), [0, 0, 1, 1, 2, 2]);
});
