"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { MODEL, session, opened, after, head, click, reduce, initial } = require("./support.js");

const selectionAfter = (...actions) => after(...actions).session.selection;
const range = (count) => Array.from({ length: count }, (_, index) => index);

test("a click selects one head and makes it primary", () => {
  const selection = selectionAfter(click(1, 2), click(3, 0));
  assert.deepEqual(selection.heads, [head(3, 0)]);
  assert.deepEqual(selection.primary, head(3, 0));
});

test("shift-click adds in the order of selection, and takes away what was selected", () => {
  const added = selectionAfter(click(3, 0), click(0, 1, true), click(2, 2, true));
  assert.deepEqual(added.heads, [head(3, 0), head(0, 1), head(2, 2)]);
  assert.deepEqual(added.primary, head(2, 2));
  const removed = selectionAfter(click(3, 0), click(0, 1, true), click(2, 2, true), click(2, 2, true));
  assert.deepEqual(removed.heads, [head(3, 0), head(0, 1)]);
  assert.deepEqual(removed.primary, head(0, 1));
});

test("the same click again returns the very same state", () => {
  const state = after(click(1, 1));
  assert.equal(reduce(state, click(1, 1), MODEL), state);
  assert.equal(reduce(state, { type: "set-view", workspace: "look" }, MODEL), state);
  assert.equal(reduce(state, { type: "no-such-action" }, MODEL), state);
});

test("parts that an action does not change keep their identity", () => {
  const before = after(click(1, 1));
  const next = reduce(before, click(2, 1), MODEL);
  assert.equal(next.session.experiment, before.session.experiment);
  assert.equal(next.session.view, before.session.view);
  assert.notEqual(next.session.selection, before.session.selection);
});

test("heads that the model does not have are not selected", () => {
  const state = opened();
  assert.equal(reduce(state, click(4, 0), MODEL), state);
  assert.equal(reduce(state, click(0, 3), MODEL), state);
  assert.equal(reduce(state, click(-1, 0), MODEL), state);
});

test("a row header selects every head of its layer, shift adds a layer and takes a whole one away", () => {
  const row = (layer, add = false) => ({ type: "click-layer", layer, add });
  const one = selectionAfter(row(2));
  assert.deepEqual(one.heads, range(3).map((index) => head(2, index)));
  assert.deepEqual([one.layers, one.primary], [[2], head(2, 0)]);
  const two = selectionAfter(row(2), row(0, true));
  assert.deepEqual([two.heads.length, two.layers], [6, [2, 0]]);
  const back = selectionAfter(row(2), row(0, true), row(2, true));
  assert.deepEqual([back.heads.map((found) => found.layer), back.layers], [[0, 0, 0], [0]]);
});

test("a column header selects one head index in all layers and keeps a primary that lies in it", () => {
  const selection = selectionAfter(click(3, 1), { type: "click-head-index", head: 1 });
  assert.equal(selection.heads.length, 4);
  assert.deepEqual(selection.primary, head(3, 1));
});

test("setting heads drops doubles and what does not exist, and keeps the order of selection", () => {
  const heads = [head(1, 1), head(0, 0), head(1, 1), head(9, 9)];
  const selection = selectionAfter(click(0, 0), { type: "set-heads", heads });
  assert.deepEqual(selection.heads, [head(0, 0), head(1, 1)]);
  assert.deepEqual(selection.primary, head(0, 0));
});

test("setting heads with add keeps what was there and makes the first new one primary", () => {
  const selection = selectionAfter(click(0, 0), { type: "set-heads", heads: [head(2, 2)], add: true });
  assert.deepEqual(selection.heads, [head(0, 0), head(2, 2)]);
  assert.deepEqual(selection.primary, head(2, 2));
});

test("setting no heads empties the selection", () => {
  const selection = selectionAfter(click(0, 0), { type: "set-heads", heads: [] });
  assert.deepEqual([selection.heads, selection.primary], [[], null]);
});

test("positions are selected, added and taken away, never outside the prompt", () => {
  const at = (position, add = false) => ({ type: "click-position", position, add });
  assert.deepEqual(selectionAfter(at(2), at(5)).positions, [5]);
  assert.deepEqual(selectionAfter(at(2), at(5, true)).positions, [2, 5]);
  assert.deepEqual(selectionAfter(at(2), at(5, true), at(2, true)).positions, [5]);
  assert.deepEqual(selectionAfter(at(6)).positions, []);
});

test("arrows move the primary head, stop at the edge and start at the first head", () => {
  assert.deepEqual(selectionAfter({ type: "move", dx: 1, dy: 0 }).primary, head(0, 0));
  const moved = selectionAfter(click(1, 1), { type: "move", dx: 1, dy: 1 });
  assert.deepEqual([moved.heads, moved.primary], [[head(2, 2)], head(2, 2)]);
  const state = after(click(3, 2));
  assert.equal(reduce(state, { type: "move", dx: 1, dy: 1 }, MODEL), state);
});

test("pin keeps a reference, a second pin of the same head lets it go", () => {
  assert.deepEqual(selectionAfter(click(1, 1), { type: "pin" }, click(2, 2)).pinned, head(1, 1));
  assert.equal(selectionAfter(click(1, 1), { type: "pin" }, { type: "pin" }).pinned, null);
  assert.equal(selectionAfter(click(1, 1), { type: "pin" }, { type: "unpin" }).pinned, null);
});

test("clear empties the selection first and the pinned reference second", () => {
  const once = selectionAfter(click(1, 1), { type: "pin" }, { type: "clear" });
  assert.deepEqual([once.heads, once.primary, once.pinned], [[], null, head(1, 1)]);
  assert.equal(selectionAfter(click(1, 1), { type: "pin" }, { type: "clear" }, { type: "clear" }).pinned, null);
});

test("opening fills in what is missing and clamps what does not exist", () => {
  const { experiment } = session();
  const selection = { heads: [head(9, 0), head(1, 1)], primary: head(9, 0), positions: [0, 77] };
  const given = { experiment, selection, view: { show: "difference" } };
  const opening = reduce(opened(), { type: "open", session: given }, MODEL);
  assert.deepEqual(opening.session.selection.heads, [head(1, 1)]);
  assert.deepEqual(opening.session.selection.primary, head(1, 1));
  assert.deepEqual(opening.session.selection.positions, [0]);
  assert.deepEqual(opening.session.view, session().view);
});

test("nothing is clamped while the model is unknown, and all of it once it is known", () => {
  const given = session();
  given.selection.heads = [head(29, 8)];
  const unknown = initial(given, null);
  assert.deepEqual(unknown.session.selection.heads, [head(29, 8)]);
  const known = reduce(unknown, { type: "clamp" }, MODEL);
  assert.deepEqual([known.session.selection.heads, known.past], [[], []]);
});

test("the view takes only what exists, and shows no intervened run where there is none", () => {
  const view = (action) => after({ type: "set-view", ...action }).session.view;
  assert.equal(view({ workspace: "attention" }).workspace, "attention");
  assert.equal(view({ workspace: "kitchen" }).workspace, "look");
  assert.equal(view({ show: "intervened" }).show, "baseline");
});

test("another model drops interventions and selection, and what it drops is counted", () => {
  const { lostWith } = require("../../assets/10-reduce.js");
  const full = after(click(1, 1), click(1, 2, true), { type: "intervene", kind: "ablate", method: "zero" }).session;
  assert.equal(lostWith(full, opened().session), "1 intervention and 2 selected heads");
  assert.equal(lostWith(full, full), "");
});

test("another prompt of the same set on screen makes no sweep another, another set or intervention does", () => {
  const { same, swept } = require("../../assets/10-reduce.js");
  const [one, other] = [{ clean: "a" }, { clean: "b" }];
  const experiment = { model: "m", base: "clean", prompts: [one, other], prompt: one, interventions: [] };
  assert.ok(same(swept(experiment), swept({ ...experiment, prompt: other })));
  for (const change of [{ prompts: [other, one] }, { interventions: [{ on: true }] }, { base: "corrupted" }]) {
    assert.ok(!same(swept(experiment), swept({ ...experiment, ...change })), JSON.stringify(change));
  }
  const alone = { ...experiment, prompts: [] };
  assert.ok(!same(swept(alone), swept({ ...alone, prompt: other })));
});
