"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const windows = require("../../assets/59-attention-window.js");
const { fitting } = require("../../assets/60-attention.js");

const part = (rows, columns) => ({ rows, columns });

test("a window is part of the address, all cells are the address itself", () => {
  assert.equal(windows.windowed("a.f32", null), "a.f32");
  assert.equal(windows.windowed("a.f32", part([0, 5], [2, 3])), "a.f32?rows=0-5&columns=2-3");
  assert.equal(windows.windowed("a.png?theme=dark", part([0, 5], [2, 3])), "a.png?theme=dark&rows=0-5&columns=2-3");
});

test("a cell's numbers come with all of a short prompt, and with a tile of a long one that ends with it", () => {
  assert.equal(windows.tileAt(3, 4, 512), null);
  assert.deepEqual(windows.tileAt(300, 4, 513), part([256, 512], [0, 256]));
  assert.deepEqual(windows.tileAt(512, 512, 513), part([512, 513], [512, 513]));
});

test("a box between two cells is a window, whichever way it was drawn, and stays inside the prompt", () => {
  assert.deepEqual(windows.between({ x: 9, y: 2 }, { x: 4, y: 20 }, 12), part([2, 12], [4, 10]));
  assert.deepEqual(windows.between({ x: -3, y: 0 }, { x: 1, y: 0 }, 12), part([0, 1], [0, 2]));
});

test("ranges are read as they are written, and what is no range of the prompt is none", () => {
  assert.deepEqual([windows.read("3–7", 10), windows.read(" 3 - 7 ", 10), windows.read("9", 10)], [[3, 8], [3, 8], [9, 10]]);
  assert.deepEqual([windows.read("7-3", 10), windows.read("0-10", 10), windows.read("all", 10)], [null, null, null]);
  assert.deepEqual(windows.read(windows.said([3, 8]), 10), [3, 8]);
});

test("labels are as many as fit, numbered where some are left out, and never read as tags", () => {
  const tokens = ["<b>", " a", "b", "c"];
  assert.deepEqual(windows.ticksOf([0, 4], tokens, 100, 13), { tickvals: [0, 1, 2, 3], ticktext: ["&lt;b>", "·a", "b", "c"] });
  assert.deepEqual(windows.ticksOf([1, 4], tokens, 26, 13), { tickvals: [1, 3], ticktext: ["1 ·a", "3 c"] });
});

test("of a long prompt the text shows what is zoomed into, or around the token that is read, or the end", () => {
  const all = windows.whole(2048);
  assert.deepEqual(windows.writtenOf(windows.whole(300), 2, 300), [0, 300]);
  assert.deepEqual(windows.writtenOf(all, null, 2048), [1536, 2048]);
  assert.deepEqual(windows.writtenOf(all, 700, 2048), [444, 956]);
  assert.deepEqual(windows.writtenOf(part([600, 700], [500, 650]), 620, 2048), [500, 700]);
  assert.deepEqual(windows.writtenOf(part([600, 700], [500, 650]), 10, 2048), [0, 512]);
});

test("a picture has no more cells than pixels, and each is the strongest of its block, with its sign", () => {
  assert.deepEqual([windows.fitOf(95), windows.fitOf(340), windows.fitOf(9000), windows.fitOf(3)], [64, 256, 1024, 64]);
  assert.deepEqual(windows.blockOf(part([0, 300], [0, 65]), [64, 64]), [5, 2]);
  const values = Float32Array.from([0.1, -0.9, 0.3, NaN, 0.2, NaN, 0, 0, NaN]);
  assert.deepEqual([...windows.strongestIn(values, [3, 3], [2, 2])], [1, 2, 6, 8]);
  assert.deepEqual([...windows.strongestIn(Float32Array.from([NaN, 0.5]), [1, 2], [1, 2])], [1]);
});

test("a picture of more than 1,024 tokens says how it is reduced, or that it needs a zoom", () => {
  const plain = { problem: null, of: "primary", second: null, by: null };
  assert.deepEqual(fitting(plain, windows.whole(1024), [1024, 1024]), { note: "", wide: false });
  assert.match(fitting(plain, windows.whole(2048), [128, 1024]).note, /largest of 16 × 2 cells/);
  const several = fitting({ ...plain, of: "mean" }, windows.whole(1100), [1024, 1024]);
  assert.ok(several.wide);
  assert.match(several.note, /zoom to at most 1024 tokens/);
});
