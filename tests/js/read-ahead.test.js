// What is there before a pointer comes, so that hover asks no server.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
require("./support.js");
const { windowsOf, aroundIn } = require("../../assets/61-read-ahead.js");
const { tileAt } = require("../../assets/59-attention-window.js");
const { keeper } = require("../../assets/60-attention-numbers.js");

test("of a short prompt all cells are read ahead, of a long one every tile, those with keys before their query first", () => {
  assert.deepEqual(windowsOf(512, 1), [null]);
  const tiles = windowsOf(600, 1);
  assert.equal(tiles.length, 9);
  assert.deepEqual(tiles[0], { rows: [0, 256], columns: [0, 256] });
  assert.deepEqual(tiles.slice(0, 6).filter(({ rows, columns }) => columns[0] > rows[0]), []);
  assert.deepEqual(windowsOf(0, 1), []);
});

test("what does not fit into the bytes is not read ahead: four maps of 2,048 tokens are, five are not", () => {
  assert.equal(windowsOf(2048, 4).length, 64);
  assert.deepEqual(windowsOf(2048, 5), []);
});

test("a token's row and column are put together from tiles, and are none while one tile is away", () => {
  const count = 600;
  const value = (dest, src) => dest + src / 1024; // exact in float32
  const tileOf = (dest, src) => {
    const { rows, columns } = tileAt(dest, src, count);
    const values = [];
    for (let row = rows[0]; row < rows[1]; row += 1) for (let at = columns[0]; at < columns[1]; at += 1) values.push(value(row, at));
    return { rows, columns, values: Float32Array.from(values) };
  };
  const { src, dest } = aroundIn(tileOf, 530, count);
  assert.deepEqual([src[0], src[255], src[256], src[599]], [0, 255, 256, 599].map((at) => value(530, at)));
  assert.deepEqual([dest[0], dest[255], dest[256], dest[599]], [0, 255, 256, 599].map((at) => value(at, 530)));
  assert.equal(aroundIn((row, at) => (row === 512 && at === 530 ? null : tileOf(row, at)), 530, count), null);
});

test("what is kept is bounded by what it takes, and is read without making it", async () => {
  const keep = keeper(async (key) => key.repeat(3), 9, (value) => value.length);
  await Promise.all(["a", "b", "c"].map(keep));
  assert.equal(keep.there("a"), "aaa");
  keep("a"); // used last, so the next one takes the place of b
  await keep("d");
  assert.deepEqual(["a", "b", "c", "d"].map(keep.there), ["aaa", null, "ccc", "ddd"]);
  assert.equal(keep.there("e"), null);
  const large = keeper(async (key) => key.repeat(30), 9, (value) => value.length);
  assert.equal((await large("z")).length, 30);
  assert.equal(large.there("z").length, 30); // the newest stays
});
