/* What the page asks of lenses, and the numbers that colour the map. */
"use strict";

const test = require("node:test");
const assert = require("node:assert");
require("./support.js");
const { unpacked, shownColour, restyling, lensAsked, tokensAsked, writtenAsked, followed } = require("../../assets/68-lens.js");

const LENS = { colour: "probability", lens: "logit", folder: "", fingerprint: "", tokens: [] };
const session = (view = {}, lens = {}, positions = []) => ({
  view: { workspace: "residual", section: "lens", show: "baseline", ...view },
  residual: { lens: { ...LENS, ...lens }, written: { layer: 3 } },
  selection: { positions },
});

test("bytes become rows of numbers", () => {
  const bytes = Buffer.from(new Float32Array([1, 2.5, -3, 0, 1e-7, 6]).buffer).toString("base64");
  const rows = unpacked({ z: bytes, shape: [2, 3] });
  assert.deepStrictEqual(rows.map((row) => [...row]), [[1, 2.5, -3], [0, Math.fround(1e-7), 6]]);
});

test("a difference has no colour of top probabilities", () => {
  assert.strictEqual(shownColour(session()), "probability");
  assert.strictEqual(shownColour(session({ show: "difference" })), "logit_diff");
  assert.strictEqual(shownColour(session({ show: "difference" }, { colour: "entropy" })), "entropy");
});

test("a choice sets values, range and colour bar together", () => {
  const colorbar = { title: { text: "nats" }, tickmode: "array", tickvals: [0, 2], ticktext: ["0", "2"] };
  const bytes = Buffer.from(new Float32Array([1]).buffer).toString("base64");
  const given = restyling({ z: bytes, shape: [1, 1], scale: { zmin: 0, zmax: 2, colorbar } });
  assert.deepStrictEqual([given.zmin, given.zmax, given["colorbar.title.text"]], [0, 2, "nats"]);
  assert.deepStrictEqual(given["colorbar.ticktext"], [["0", "2"]]);
});

test("a logit lens asks for nothing, a tuned one for its weights", () => {
  assert.strictEqual(lensAsked(LENS), null);
  const tuned = { lens: "tuned", folder: "/x", fingerprint: "ab" };
  assert.deepStrictEqual(lensAsked({ ...LENS, ...tuned }), tuned);
});

test("the position last selected is asked for, and nothing where the section is not on screen", () => {
  assert.deepStrictEqual(tokensAsked(session({}, { tokens: [" a"] }, [4, 2])), { tokens: [" a"], position: 2 });
  assert.deepStrictEqual(writtenAsked(session()), { tokens: [], position: null, layer: 3 });
  assert.strictEqual(tokensAsked(session({ section: "parts" })), null);
  assert.strictEqual(writtenAsked(session({ workspace: "look" })), null);
});

test("the first token that is chosen joins the answers, which are followed without a choice", () => {
  const of = (tokens) => ({ experiment: { prompt: { answer: [" a"], incorrect_answer: [" b"] } }, residual: { lens: { tokens } } });
  assert.deepStrictEqual(followed(of([]), [" c"]), [" a", " b", " c"]);
  assert.deepStrictEqual(followed(of([]), [" a"]), [" a", " b"]);
  assert.deepStrictEqual(followed(of([" a", " b"]), [" a"]), [" a"]);
});
