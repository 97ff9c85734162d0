"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { reduce, initial } = require("../../assets/11-experiment.js");
const { whyNot } = require("../../assets/10-plate.js");
const { decode, encode } = require("../../assets/20-link.js");
const { titled, tokensOf, linesOf, numberOf } = require("../../assets/69-plate.js");
const { session } = require("./support.js");

const MODEL = { n_layers: 2, n_heads: 3, n_key_value_heads: 3, n_positions: 5 };
const panel = (kind) => ({ view: { recipe: { kind } }, height_mm: 60 });
const start = () => ["a", "b", "c"].reduce((state, kind) => reduce(state, { type: "add-panel", panel: panel(kind) }, MODEL), initial(session(), MODEL));
const kinds = (state) => state.session.plate.panels.map(({ view }) => view.recipe.kind);

test("panels are added, moved, removed and undone", () => {
  let state = start();
  assert.deepEqual(kinds(state), ["a", "b", "c"]);
  state = reduce(state, { type: "move-panel", at: 2, by: -1 }, MODEL);
  assert.deepEqual(kinds(state), ["a", "c", "b"]);
  assert.equal(reduce(state, { type: "move-panel", at: 0, by: -1 }, MODEL), state);
  state = reduce(state, { type: "remove-panel", at: 0 }, MODEL);
  assert.deepEqual(kinds(state), ["c", "b"]);
  assert.deepEqual(kinds(reduce(state, { type: "undo" }, MODEL)), ["a", "c", "b"]);
});

test("what cannot be printed is left as it was", () => {
  const state = start();
  assert.equal(reduce(state, { type: "set-plate", columns: 9, preset: "cell" }, MODEL), state);
  const changed = reduce(state, { type: "set-plate", columns: 3, preset: "nature-page", font_pt: 5 }, MODEL).session.plate;
  assert.deepEqual([changed.columns, changed.preset, changed.font_pt], [3, "nature-page", 5]);
  const wide = reduce(reduce(state, { type: "set-plate", width_mm: 120 }, MODEL), { type: "set-plate", width_mm: 0 }, MODEL);
  assert.equal(wide.session.plate.width_mm, 120);
  assert.deepEqual([whyNot("width_mm", 120), whyNot("font_pt", null)], [null, null]);
  assert.match(whyNot("width_mm", 99999), /20 to 1200 mm/);
  const panels = reduce(state, { type: "set-panel", at: 1, title: "Mine", height_mm: 2, tokens: [["x", "y"]] }, MODEL).session.plate.panels;
  assert.deepEqual([panels[1].title, panels[1].height_mm, panels[1].tokens], ["Mine", 60, [["x", "y"]]]);
});

test("panels of a direction have what tells them apart in their title, others are as drawn", () => {
  assert.equal(titled("writers", "Who writes it", "after L9 at 14 ·to, mine"), "Who writes it: after L9 at 14 ·to, mine");
  assert.equal(titled("activation-map", "Map of activations", "28 points"), null);
});

test("a link carries the figure", () => {
  const { session: sent } = start();
  assert.deepEqual(decode(encode(sent)).session.plate, sent.plate);
});

test("tick labels are lines of old = new, and an empty number is the preset's", () => {
  const pairs = [["<|endoftext…", "BOS"], ["·Mary", ""]];
  assert.deepEqual(tokensOf(linesOf(pairs)), pairs);
  assert.deepEqual(tokensOf("no sign\n=x"), []);
  assert.deepEqual([numberOf(" "), numberOf("89")], [null, 89]);
});
