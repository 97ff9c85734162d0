"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { onStream, onWriters, onReaders, onComponent, ringed } = require("../../assets/67-direction-views.js");
const { shapesFor } = require("../../assets/40-shapes.js");
const { after, head } = require("./support.js");

const COLUMNS = { columns: { q: [0, 4], k: [5, 2], v: [8, 2], mlp: [11, 1], gate: [12, 1] }, shared: 2 };
const SELECTED = { heads: [head(1, 3), head(0, 0)], primary: head(1, 3), pinned: null, positions: [2], layers: [1], prompt: 0 };
const at = (part, x, y, over = false) => ({ part, x, y, over });

test("a cell of layers and tokens is the place, its headers one half of it", () => {
  assert.deepEqual(onStream(at("cells", 3, 2), false), { type: "click-place", layer: 2, position: 3, add: false });
  assert.deepEqual(onStream(at("rows", null, 2), true), { type: "click-place", layer: 2, add: true });
  assert.deepEqual(onStream(at("columns", 3, null), false), { type: "click-position", position: 3, add: false });
  const { session: { selection } } = after(onStream(at("cells", 3, 2), false));
  assert.deepEqual([selection.layers, selection.positions, selection.heads], [[2], [3], []]);
});

test("a component selects its head or its layer, or nothing", () => {
  assert.deepEqual(onComponent("L2H1", true), { type: "click-head", layer: 2, head: 1, add: true });
  assert.deepEqual(onComponent("L2.mlp", false), { type: "click-place", layer: 2, add: false });
  assert.equal(onComponent("embed", false), null);
});

test("writers are clicked on the map and on the bars", () => {
  const rows = ["L3H2", "L1.mlp"];
  assert.deepEqual(onWriters(at("cells", 1, 2), false, { rows }), { type: "click-head", layer: 2, head: 1, add: false });
  assert.equal(onWriters(at("cells", 0, 0, true), false, { rows }).layer, 3);
  assert.equal(onWriters(at("rows", null, 1, true), false, { rows }).type, "click-place");
  assert.equal(onWriters(at("cells", 0, 9, true), false, { rows }), null);
});

test("a reader selects its head, shared keys all heads that read them, an MLP its layer, a gap nothing", () => {
  assert.equal(onReaders(at("cells", 3, 1), false, COLUMNS).head, 3);
  assert.deepEqual(onReaders(at("cells", 6, 1), false, COLUMNS).heads, [head(1, 2), head(1, 3)]);
  assert.deepEqual(onReaders(at("cells", 11, 1), false, COLUMNS), { type: "click-place", layer: 1, add: false });
  assert.equal(onReaders(at("cells", 4, 1), false, COLUMNS), null);
});

test("the selection is marked on each of them", () => {
  const places = (panel, meta) => shapesFor(SELECTED, panel, meta).map(({ name, x0, y0 }) => [name, x0, y0]);
  assert.deepEqual(places("projection", {}), [["layer", 0, 0.5], ["position", 1.5, 0]]);
  assert.deepEqual(places("writers", { rows: ["embed", "L1H3"] }),
    [["selected", -0.5, -0.5], ["primary", 2.5, 0.5], ["primary", 0, 0.5]]);
  assert.deepEqual(places("readers", COLUMNS).filter(([name]) => name === "primary"),
    [["primary", 2.5, 0.5], ["primary", 5.5, 0.5], ["primary", 8.5, 0.5]]);
});

test("points of the prompt on screen are ringed, lines without prompts are not", () => {
  const traces = [{ customdata: [0, 2], x: [1, 5], y: [0, 0.1] }, { x: [3, 3], y: [0, 1] }];
  assert.deepEqual(ringed(2, traces), [{ name: "prompt", x: 5, y: 0.1 }]);
});
