"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { cells, changes, sharedBy, short, spoken } = require("../../assets/44-head-figure.js");
const { whereIs, addressOf } = require("../../assets/65-head-numbers.js");

const DIRECT = { words: "direct logit attribution", unit: "logit diff", signed: true, limit: null, swept: false };
const SHARE = { words: "attention to the first token", unit: "share of attention", signed: false, limit: 1, swept: false };
const ZERO = { words: "zero ablation", unit: "Δ logit diff", signed: true, limit: null, swept: true };
const of = (...values) => Float32Array.from(values);

test("colours are symmetric about 0 and strong negative cells carry a minus", () => {
  const drawn = cells(of(4, -2, -0.5), [1, 3], DIRECT);
  assert.deepEqual([drawn.zmin, drawn.zmax, drawn.text], [-4, 4, [["", "−", ""]]]);
  assert.equal(drawn.ticktext.at(-1), "+4.00");
});

test("a locked limit stays locked, and says where values lie beyond it", () => {
  const drawn = cells(of(1, -1), [1, 2], DIRECT, { locked: 0.25 });
  assert.deepEqual([drawn.zmin, drawn.zmax], [-0.25, 0.25]);
  assert.deepEqual([drawn.ticktext[0], drawn.ticktext[4]], ["≤ −0.250", "≥ +0.250"]);
});

test("hover names the head and gives full precision with sign", () => {
  assert.deepEqual(cells(of(-1.2345678), [1, 1], DIRECT).hovertext, [["<b>L0H0</b><br>direct logit attribution −1.2345678"]]);
});

test("difference mode says delta, has a sign and no natural limit", () => {
  const drawn = cells(of(0.25, -0.5), [2, 1], SHARE, { show: "difference" });
  assert.deepEqual([drawn.zmin, drawn.zmax, drawn.unit], [-0.5, 0.5, "Δ share of attention"]);
  assert.match(drawn.hovertext[1][0], /^<b>L1H0<\/b><br>Δ attention to the first token −0.5/);
  assert.equal(cells(of(1), [1, 1], ZERO, { show: "difference" }).unit, "Δ Δ logit diff");
});

test("an effect says both runs on hover", () => {
  const more = [{ name: "clean +3.5, ablated", values: [2.5], signed: true }];
  const drawn = cells(of(-1), [1, 1], ZERO, { more });
  assert.deepEqual(drawn.hovertext, [["<b>L0H0</b><br>zero ablation, Δ logit diff −1.0<br>clean +3.5, ablated +2.5"]]);
});

test("shares are drawn from 0 to 1, all zero has a limit", () => {
  assert.deepEqual([cells(of(0.1), [1, 1], SHARE).zmin, cells(of(0.1), [1, 1], SHARE).zmax], [0, 1]);
  assert.deepEqual(cells(of(0.1), [1, 1], SHARE).ticktext, ["0", "0.25", "0.5", "0.75", "1"]);
  assert.deepEqual([cells(of(0), [1, 1], DIRECT).zmin, cells(of(0), [1, 1], DIRECT).zmax], [-1, 1]);
});

test("cells not computed are hatched, named and never zero", () => {
  const drawn = cells(of(1, NaN), [2, 1], DIRECT);
  assert.equal(drawn.hovertext[1][0], "<b>L1H0</b><br>direct logit attribution not computed");
  assert.deepEqual(drawn.hatch, { x: [-0.2, 0.2, null], y: [1.2, 0.8, null] });
  assert.ok(Number.isNaN(drawn.z[1][0]));
  assert.deepEqual(changes(drawn).hatch.x, [drawn.hatch.x]);
});

test("numbers are written as the server writes them", () => {
  assert.deepEqual([2.567, -0.0312, 0, 1234.6, 1e-5].map((value) => short(value)), ["+2.57", "−0.0312", "0", "+1235", "+1.00e−05"]);
  assert.deepEqual([2, 0.1, 1e-5, -3].map((value) => spoken(Math.fround(value))), ["+2.0", "+0.1", "+1e−05", "−3.0"]);
});

test("a number is under its source's digest, of the model alone always under the baseline's", () => {
  const choices = { a: { source: "s", number: "n", alone: false }, b: { source: "t", number: "m", alone: true } };
  const digests = { sources: { s: { baseline: "B", intervened: "I" }, t: { baseline: "T", intervened: "T" }, u: { lacks: "x" } } };
  assert.deepEqual(whereIs("a", "difference", choices, digests), { digest: "I", minus: "B", show: "difference" });
  assert.deepEqual(whereIs("b", "difference", choices, digests), { digest: "T", minus: null, show: "baseline" });
  assert.equal(addressOf({ digest: "I", minus: "B" }, "n"), "heads/I/n.f32?quiet=1&minus=B");
  assert.match(whereIs("a", "intervened", choices, { sources: { s: { baseline: "B", intervened: null } } }).why, /ablate or patch/);
  assert.equal(whereIs("c", "baseline", { c: { source: "u" } }, digests).why, "x");
  assert.match(whereIs("a", "baseline", choices, null).why, /not known yet/);
});

test("of values that several heads read the hover says which heads one number is of", () => {
  const texts = sharedBy("values", [1, 4], 2);
  const [row] = cells(of(1, 1, 2, 2), [1, 4], ZERO, { more: [{ texts }] }).hovertext;
  assert.match(row[1], /<br>one number for L0H0–H1, which share values$/);
  assert.match(row[2], /for L0H2–H3, /);
  assert.deepEqual([sharedBy("", [1, 4], 2), sharedBy("values", [1, 4], 4)], [[], []]);
});
