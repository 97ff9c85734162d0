"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { MODEL, opened, after, head, click, reduce } = require("./support.js");
const { isPaths, completePaths, FIRST_PATHS } = require("../../assets/10-path-patching.js");
const { encode, decode } = require("../../assets/20-link.js");
const { shown, actionFor, headsIn } = require("../../assets/67-path-patching.js");
const { folded } = require("../../assets/68-folded.js");

const set = (paths) => ({ type: "set-sweep", paths });
const pathsAfter = (...actions) => after(...actions).session.sweep.paths;

test("fields of the paths are set one by one, and what cannot stand there changes nothing", () => {
  assert.deepEqual(pathsAfter(set({ component: "v" }), set({ direction: "noising" })),
    { component: "v", direction: "noising", receiver: null });
  const state = opened();
  for (const wrong of [{ component: "z" }, { direction: "up" }, { receiver: "L1H2" }, { colour: 1 }, 7, null]) {
    assert.equal(reduce(state, set(wrong), MODEL), state);
  }
});

test("a held receiver is a head that the model has, and another model lets it go", () => {
  assert.deepEqual(pathsAfter(set({ receiver: head(2, 1) })).receiver, head(2, 1));
  assert.equal(pathsAfter(set({ receiver: head(9, 0) })).receiver, null);
  const other = { ...opened().session.experiment, model: { ...opened().session.experiment.model, name: "other" } };
  const moved = after(set({ receiver: head(2, 1), component: "k" }), { type: "set-experiment", experiment: other });
  assert.deepEqual(moved.session.sweep.paths, { ...FIRST_PATHS, component: "k" });
});

test("the paths are undone, and survive a link; links from before have the first ones", () => {
  const state = after(click(2, 1), set({ receiver: head(2, 1) }));
  assert.equal(reduce(state, { type: "undo" }, MODEL).session.sweep.paths.receiver, null);
  assert.deepEqual(decode(encode(state.session)).session, state.session);
  const { paths, ...before } = state.session.sweep;
  assert.deepEqual(decode(encode({ ...state.session, sweep: before })).session.sweep.paths, FIRST_PATHS);
  const broken = { ...state.session, sweep: { ...before, paths: { component: "w" } } };
  assert.equal(decode(encode(broken)).reason, "its sweep has no usable paths");
});

test("fewer fields than the whole are filled in", () => {
  assert.deepEqual(completePaths({ component: "k" }), { component: "k", direction: "denoising", receiver: null });
  assert.deepEqual([isPaths({}), isPaths([7]), isPaths("q")], [true, false, false]);
});

test("controls say what the paths are, and hold the primary head", () => {
  assert.deepEqual(shown({ ...FIRST_PATHS, receiver: head(1, 0) })["paths-hold"], { checked: true });
  const now = { component: "q", direction: "denoising", hold: false };
  assert.equal(actionFor(now, FIRST_PATHS, head(1, 2)), null);
  assert.deepEqual(actionFor({ ...now, component: "v" }, FIRST_PATHS, null), set({ component: "v" }));
  assert.deepEqual(actionFor({ ...now, hold: true }, FIRST_PATHS, head(1, 2)), set({ receiver: head(1, 2) }));
  assert.equal(actionFor({ ...now, hold: true }, FIRST_PATHS, null), null, "there is no head to hold");
  const held = { ...FIRST_PATHS, receiver: head(1, 2) };
  assert.equal(actionFor({ ...now, hold: true }, held, head(0, 0)), null, "another primary head is not held instead");
  assert.deepEqual(actionFor(now, held, head(0, 0)), set({ receiver: null }));
});

test("a box on the map selects the heads in it", () => {
  assert.deepEqual(headsIn([{ x: 2, y: 1 }, { x: 0, y: 3.0001 }]), [head(1, 2), head(3, 0)]);
});

test("panels that nothing is asked of are one line", () => {
  assert.deepEqual(folded(opened().session), ["against", "strip", "self-repair"]);
  const compared = after({ type: "set-sweep", against: "zero" }, click(1, 1), { type: "intervene", kind: "ablate", method: "zero" });
  assert.deepEqual(folded(compared.session), ["strip"]);
  assert.deepEqual(folded(after({ type: "set-sweep", method: "estimate" }).session), ["strip", "self-repair"]);
});
