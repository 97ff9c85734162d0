"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { after, MODEL, reduce } = require("./support.js");
const { geometryAsked, mapAsked, mapDrawn, placeSaid, lassoedOf, placesOf, between, added } = require("../../assets/69-geometry.js");

const open = { type: "set-view", workspace: "residual", section: "geometry" };
const POINTS = [[0, 1, "clean"], [0, 2, "clean"], [1, 2, "clean"], [0, 1, "corrupted"]];
const PAIRS = [{ clean: "a b", corrupted: "c d" }, { clean: "e f", corrupted: "g h" }];

test("nothing is asked while another section is on screen", () => {
  assert.deepEqual([geometryAsked(after().session), mapAsked(after().session)], [null, null]);
});

test("numbers by layer follow the last token, a map what changes its points", () => {
  const { session } = after(open, { type: "click-position", position: 3 });
  assert.deepEqual(geometryAsked(session), { position: 3 });
  const coloured = after(open, { type: "show-residual", map: { colour: "token" } }).session;
  assert.deepEqual(mapAsked(coloured), mapAsked(session));
  const placed = after(open, { type: "show-residual", map: { method: "umap" } }).session;
  assert.equal(mapAsked(placed).method, "umap");
});

test("without a layer of its own a map follows the selected one, else it is of the last, and says so", () => {
  const none = after(open).session;
  assert.deepEqual([mapAsked(none).layer, placeSaid(none, 30)], [null, "last, L29"]);
  const { session } = after(open, { type: "click-layer", layer: 1, add: false });
  assert.deepEqual([mapAsked(session).layer, placeSaid(session, 30)], [1, "selected, L1"]);
  const own = after(open, { type: "click-layer", layer: 1, add: false }, { type: "show-residual", map: { layer: 0 } }).session;
  assert.equal(mapAsked(own).layer, 0);
});

test("a lasso is of its map: other colours keep it, another method, layer or run has none", () => {
  const { session } = after(open);
  const then = (...actions) => lassoedOf(after(open, ...actions).session) === lassoedOf(session);
  assert.ok(then({ type: "show-residual", map: { colour: "token" } }));
  assert.ok(then({ type: "click-position", position: 1 }));
  assert.ok(!then({ type: "show-residual", map: { method: "umap" } }));
  assert.ok(!then({ type: "click-layer", layer: 1, add: false }));
});

test("a map is drawn again for another direction where it is coloured by it, and once one that takes long is there", () => {
  const { session } = after(open);
  assert.deepEqual(mapDrawn(session, "d", 7), mapDrawn(session, "e", 8));
  const along = after(open, { type: "show-residual", map: { colour: "projection" } }).session;
  assert.notDeepEqual(mapDrawn(along, "d", null), mapDrawn(along, "e", null));
  const slow = after(open, { type: "show-residual", map: { method: "tsne" } }).session;
  assert.notDeepEqual(mapDrawn(slow, null, 7), mapDrawn(slow, null, 8));
});

test("a lasso selects prompts of the set, and tokens of the one on screen", () => {
  assert.deepEqual(placesOf(POINTS, [1, 2, 3], { prompt: 0, base: "clean" }), { prompts: [0, 1], positions: [2] });
});

test("what a lasso with Shift adds is the second group", () => {
  assert.deepEqual(added([0, 1, 3], [0, 3]), [1]);
});

test("two groups become a difference of means of their own texts and positions", () => {
  const { name, direction } = between(POINTS, [[0, 2], [3]], PAIRS, { activation: "resid_post", layer: 5 });
  assert.equal(name, "A − B, resid_post L5");
  assert.deepEqual(direction, {
    kind: "mean_difference", activation: "resid_post", layer: 5,
    plus: [{ text: "a b", position: 1 }, { text: "e f", position: 2 }], minus: [{ text: "c d", position: 1 }],
  });
});

test("chosen prompts are a chip that can be dropped, and Escape clears them", () => {
  const chosen = after({ type: "set-places", prompts: [2, 0], positions: [1] });
  assert.deepEqual([chosen.session.selection.prompts, chosen.session.selection.positions], [[2, 0], [1]]);
  assert.deepEqual(reduce(chosen, { type: "drop-prompts" }, MODEL).session.selection.prompts, []);
  assert.deepEqual(reduce(chosen, { type: "clear" }, MODEL).session.selection.prompts, []);
});
