"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { placeOf, spans, paint, partsOf, hitOn, outlineOf } = require("../../assets/60-thumbnail-pixels.js");
const { entry, paletteOf, colourOf } = require("../../assets/59-palette.js");

const MODEL = { n_layers: 3, n_heads: 2 };
const PALETTE = Uint32Array.from({ length: 256 }, (_, at) => at);
const GROUND = 999;
const place = { left: 2, top: 1, side: 2, gap: 1, layers: 3, heads: 2, width: 8, height: 10 };

/** Layer 1 alone: head 0 has an attention of entry 200 at (1, 0), head 1 is empty. */
const PARTS = partsOf({ shape: [1, 2, 2, 2], layers: [1], cells: Uint8Array.from([1, 1, 200, 1, 1, 1, 1, 1]) });

function painted(parts, signed = false) {
  const pixels = new Uint32Array(place.width * place.height);
  paint(pixels, place, parts, PALETTE, GROUND, signed);
  return { pixels, at: (x, y) => pixels[y * place.width + x] };
}

test("a head's cells stand where its layer and its number say, queries down and keys across", () => {
  const { at } = painted(PARTS);
  assert.deepEqual([at(2, 4), at(3, 4), at(2, 5), at(3, 5)], [1, 1, 200, 1]);
  assert.deepEqual([at(5, 4), at(6, 5)], [1, 1]);
});

test("between thumbnails is ground, beside them nothing, and layers that did not come are not computed", () => {
  const { at } = painted(PARTS);
  assert.deepEqual([at(4, 4), at(2, 3), at(0, 4), at(2, 0)], [GROUND, GROUND, 0, 0]);
  assert.deepEqual([at(2, 1), at(6, 8)], [0, 0]);
});

test("where a thumbnail has fewer pixels than cells, the cell furthest from zero is seen", () => {
  const cells = new Uint8Array(32).fill(128);
  cells[5] = 100; // row 1, column 1 of head 0
  cells[15] = 160; // row 3, column 3 of head 0
  const { at } = painted(partsOf({ shape: [1, 2, 4, 4], layers: [0], cells }), true);
  assert.deepEqual([at(2, 1), at(3, 1), at(2, 2), at(3, 2)], [100, 128, 128, 160]);
});

test("every cell is behind some pixel, and every pixel shows some cell", () => {
  const listed = ({ first, end }) => [[...first], [...end]];
  assert.deepEqual(listed(spans(5, 2)), [[0, 2], [2, 5]]);
  assert.deepEqual(listed(spans(2, 4)), [[0, 0, 1, 1], [1, 1, 2, 2]]);
});

test("thumbnails keep all layers in view while that is readable, and fill the width otherwise", () => {
  const tall = placeOf({ width: 300, height: 317 }, { n_layers: 10, n_heads: 2 }, 1, true);
  assert.deepEqual([tall.side, tall.height], [28, 317]);
  assert.equal(placeOf({ width: 300, height: 317 }, { n_layers: 10, n_heads: 2 }, 1, false).side, 112);
  assert.equal(placeOf({ width: 300, height: 50 }, MODEL, 1, true).side, 12);
  assert.equal(placeOf({ width: 300, height: 317 }, { n_layers: 10, n_heads: 2 }, 2, true).side, 56);
});

test("the pointer is on a head, on a layer's number, on a head's number, or on nothing", () => {
  assert.deepEqual(hitOn(place, { x: 6, y: 5 }), { part: "cells", x: 1, y: 1 });
  assert.deepEqual(hitOn(place, { x: 0, y: 8 }), { part: "rows", x: null, y: 2 });
  assert.deepEqual(hitOn(place, { x: 2, y: 0 }), { part: "columns", x: 0, y: null });
  assert.equal(hitOn(place, { x: 9, y: 5 }), null);
});

test("a mark of the head matrix lies around the head's thumbnail", () => {
  const mark = { x0: 0.5, x1: 1.5, y0: 0.5, y1: 1.5 };
  assert.deepEqual(outlineOf(place, mark), { x: 4.5, y: 3.5, width: 3, height: 3 });
});

test("palette entries are those of the server's pictures: 0 is not computed, 128 an exact zero of differences", () => {
  assert.deepEqual([NaN, 0, 0.5, 1, 2].map((value) => entry(value, 1, false)), [0, 1, 128, 255, 255]);
  assert.deepEqual([-9, -0.5, 0, 0.5].map((value) => entry(value, 0.5, true)), [1, 1, 128, 255]);
});

test("the palette runs from the template's first colour to its last, after the colour of what is missing", () => {
  const colorscale = { sequential: [[0, "#ffffff"], [1, "#000000"]], diverging: [[0, "#ff0000"], [1, "#0000ff"]] };
  const palette = paletteOf({ layout: { colorscale, plot_bgcolor: "#010203" } }, true);
  assert.equal(palette.length, 256);
  assert.deepEqual([palette[0], palette[1], palette[255]], ["#010203", "#ff0000", "#0000ff"].map(colourOf));
  assert.equal(colourOf("#010203"), 0xff030201);
});
