"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { MODEL, session, opened, after, head, click, reduce } = require("./support.js");
const { isPlaces } = require("../../assets/10-sweep.js");

const set = (fields) => ({ type: "set-sweep", ...fields });
const restrict = (on = true) => ({ type: "restrict-sweep", on });
const at = (layer, position, add = false) => ({ type: "click-place", layer, position, add });
const sweepAfter = (...actions) => after(...actions).session.sweep;
const cellsAfter = (...actions) => sweepAfter(...actions).cells;

test("fields of the sweep and of its cells are set by name, and nothing else is", () => {
  const sweep = sweepAfter(set({ method: "resample", draws: 4, activation: "resid_pre", by: "position", window: 2 }));
  assert.deepEqual([sweep.method, sweep.draws], ["resample", 4]);
  assert.deepEqual([sweep.cells.activation, sweep.cells.by, sweep.cells.window], ["resid_pre", "position", 2]);
  const state = opened();
  for (const wrong of [{ method: "guess" }, { draws: 0 }, { ig_steps: 0 }, { ig_steps: 101 }, { seed: -1 }, { by: "moon" }, { colour: "red" }, { freeze: ["z"] }]) {
    assert.equal(reduce(state, set(wrong), MODEL), state);
  }
});

test("what is drawn beside the map is another sweep", () => {
  assert.deepEqual(sweepAfter(set({ against: ["noising", "zero"] })).against, ["noising", "zero"]);
  assert.deepEqual(sweepAfter(set({ against: ["noising", "zero"] }), set({ method: "noising" })).against, ["zero"]);
  assert.deepEqual(sweepAfter(set({ against: ["denoising", "zero", "zero"] })).against, ["zero"]);
  const state = opened();
  for (const wrong of [["guess"], 7, ["zero", "mean", "resample", "noising"]]) {
    assert.equal(reduce(state, set({ against: wrong }), MODEL), state);
  }
});

test("cells always exist: edges on pattern only, neurons with a layer, windows that fit", () => {
  assert.equal(cellsAfter(set({ activation: "pattern", by: "edge" })).by, "edge");
  assert.equal(cellsAfter(set({ activation: "pattern", by: "edge" }), set({ activation: "z" })).by, "position");
  assert.deepEqual(cellsAfter(set({ activation: "mlp_post" })).layers, [0]);
  assert.deepEqual(cellsAfter(click(2, 1), set({ activation: "mlp_post" })).layers, [2]);
  assert.deepEqual(cellsAfter(set({ activation: "mlp_post", layers: [3] })).layers, [3]);
  assert.equal(cellsAfter(set({ activation: "mlp_post", layers: [3] }), set({ activation: "z" })).layers, null);
  assert.equal(cellsAfter(set({ window: 40 })).window, 4);
});

test("a sweep is restricted to the selection and let go again; nothing selected restricts nothing", () => {
  const chosen = [click(1, 2), click(3, 0, true)];
  assert.deepEqual(cellsAfter(...chosen, restrict()).heads, [head(1, 2), head(3, 0)]);
  assert.equal(sweepAfter(...chosen, restrict()).restricted, true);
  assert.deepEqual(sweepAfter(...chosen, restrict(), restrict(false)), session().sweep);
  assert.deepEqual(sweepAfter(restrict()), session().sweep);
});

test("a restricted sweep of another activation is restricted anew, in that activation's own terms", () => {
  const chosen = [click(1, 2), click(3, 0, true), { type: "click-position", position: 5 }, restrict()];
  const residual = cellsAfter(...chosen, set({ activation: "resid_pre", by: "position" }));
  assert.deepEqual([residual.heads, residual.layers, residual.positions], [null, [1, 3], [5]]);
  const keys = cellsAfter(...chosen, set({ activation: "k" }));
  assert.deepEqual([keys.heads, keys.positions], [[head(1, 0), head(3, 0)], null]);
});

test("another way of going over the same activation keeps its layers, heads and neurons", () => {
  const heads = [head(1, 2), head(3, 0)];
  const given = [set({ activation: "z" }), set({ heads, layers: [1, 3] }), set({ by: "position" })];
  assert.deepEqual([cellsAfter(...given).heads, cellsAfter(...given).layers], [heads, [1, 3]]);
  const neurons = [set({ activation: "mlp_post" }), set({ layers: [2], neurons: [7] }), set({ by: "position" })];
  assert.deepEqual([cellsAfter(...neurons).layers, cellsAfter(...neurons).neurons], [[2], [7]]);
  const moved = [click(1, 2), restrict(), { type: "clear" }, set({ by: "position" })];
  assert.deepEqual(cellsAfter(...moved).heads, [head(1, 2)]);
  assert.equal(sweepAfter(...moved).restricted, true);
});

test("a restricted sweep that goes over positions is at the selected ones, and is whole again without them", () => {
  const token = { type: "click-position", position: 5 };
  const placed = [click(1, 2), token, restrict(), set({ by: "position" })];
  assert.deepEqual([cellsAfter(...placed).heads, cellsAfter(...placed).positions], [[head(1, 2)], [5]]);
  const whole = [token, set({ activation: "resid_pre", by: "position" }), restrict(), set({ by: "all" })];
  assert.deepEqual([cellsAfter(...whole).positions, sweepAfter(...whole).restricted], [null, false]);
});

test("heads are swept in one order, however they were selected", () => {
  assert.deepEqual(cellsAfter(click(3, 0), click(1, 2, true), restrict()).heads, [head(1, 2), head(3, 0)]);
});

test("selecting something else does not move what is swept", () => {
  assert.deepEqual(cellsAfter(click(1, 2), restrict(), click(2, 2)).heads, [head(1, 2)]);
});

test("a place of the map is a layer and a position, the heads stay", () => {
  const { selection } = after(click(1, 2), at(3, 4)).session;
  assert.deepEqual([selection.layers, selection.positions, selection.heads], [[3], [4], [head(1, 2)]]);
  const more = after(at(3, 4), at(2, 4, true), at(3, 1, true)).session.selection;
  assert.deepEqual([more.layers, more.positions], [[2, 3], [4, 1]]);
  const state = after(at(3, 4));
  assert.equal(reduce(state, at(3, 4), MODEL), state);
  assert.equal(reduce(state, at(4, 0), MODEL), state);
  assert.equal(reduce(state, at(0, 6), MODEL), state);
});

test("arrows move from place to place, within the model and the prompt", () => {
  const move = (dx, dy) => ({ type: "move-place", dx, dy });
  const place = (...actions) => {
    const { layers, positions } = after(...actions).session.selection;
    return [layers, positions];
  };
  assert.deepEqual(place(at(2, 4), move(1, 0), move(0, 1)), [[3], [5]]);
  assert.deepEqual(place(at(3, 5), move(1, 0), move(0, 1)), [[3], [5]]);
  const token = { type: "click-position", position: 0 };
  assert.deepEqual(place(token, move(-1, 0)), [[], [0]]);
  assert.deepEqual(place(token, move(0, 1)), [[0], [0]]);
  assert.deepEqual(isPlaces({ activation: "resid_pre", by: "position" }), true);
  for (const cells of [{ activation: "z", by: "position" }, { activation: "resid_pre", by: "all" }]) {
    assert.equal(isPlaces(cells), false);
  }
});

test("a layer is dropped alone, and with its heads where all of them were selected", () => {
  const drop = { type: "drop-layer", layer: 3 };
  const place = after(click(3, 0), at(3, 4), drop).session.selection;
  assert.deepEqual([place.layers, place.heads], [[], [head(3, 0)]]);
  const whole = after({ type: "click-layer", layer: 3 }, drop).session.selection;
  assert.deepEqual([whole.layers, whole.heads, whole.primary], [[], [], null]);
  assert.deepEqual(after({ type: "click-layer", layer: 3 }, click(3, 1, true)).session.selection.layers, []);
});

test("causal tracing corrupts the tokens that are selected when it is chosen, until others are named", () => {
  const tokens = (...positions) => positions.map((position, index) => ({ type: "click-position", position, add: index > 0 }));
  const traced = sweepAfter(...tokens(4, 2), set({ method: "tracing" }));
  assert.deepEqual([traced.noise.positions, traced.noise.scale, traced.noise.kind], [[2, 4], 3, "gaussian_noise"]);
  assert.equal(sweepAfter(set({ method: "tracing" })).noise, null);
  const renamed = sweepAfter(...tokens(4), set({ method: "tracing" }), ...tokens(1), { type: "corrupt-selected" });
  assert.deepEqual(renamed.noise.positions, [1]);
  const scaled = set({ noise: { positions: [4], scale: 7 } });
  assert.equal(sweepAfter(scaled, ...tokens(1), { type: "corrupt-selected" }).noise.scale, 7);
  assert.deepEqual(sweepAfter(scaled, { type: "corrupt-selected" }).noise.positions, [4]);
  assert.deepEqual(sweepAfter(...tokens(4), set({ method: "tracing", noise: { positions: [0], scale: 1 } })).noise.positions, [0]);
});

test("causal tracing is first read as in ROME, and what is chosen then stays", () => {
  const traced = sweepAfter(set({ method: "tracing" }));
  assert.deepEqual([traced.metric, traced.draws, traced.noise], ["probability", 10, null]);
  const chosen = sweepAfter(set({ method: "tracing" }), set({ metric: "rank", draws: 3 }), set({ by: "position" }));
  assert.deepEqual([chosen.metric, chosen.draws], ["rank", 3]);
  const given = sweepAfter(set({ method: "tracing", metric: "logit_diff" }));
  assert.deepEqual([given.metric, given.draws], ["logit_diff", 10]);
});

test("a neuron is selected with its layer, and goes with it", () => {
  const neuron = (layer, index) => ({ type: "click-place", layer, neuron: index });
  const { selection } = after(click(1, 2), neuron(3, 700)).session;
  assert.deepEqual([selection.layers, selection.neuron, selection.heads], [[3], 700, [head(1, 2)]]);
  assert.equal(after(neuron(3, 700), { type: "click-position", position: 2 }).session.selection.neuron, 700);
  for (const away of [{ type: "drop-layer", layer: 3 }, at(1, 2), { type: "clear" }, { type: "drop-neuron" }]) {
    assert.equal(after(neuron(3, 700), away).session.selection.neuron, null, away.type);
  }
  assert.deepEqual(cellsAfter(neuron(3, 700), set({ activation: "mlp_post" }), restrict()).neurons, [700]);
});

test("another model lets the restriction go, another prompt only its positions", () => {
  const { model, prompt } = session().experiment;
  const run = (change) => ({ type: "set-experiment", experiment: { model, prompt, ...change } });
  const token = { type: "click-position", position: 2 };
  const begun = [click(1, 2), token, set({ activation: "z", by: "position", method: "tracing" }), restrict()];
  const typed = sweepAfter(...begun, run({ prompt: { ...prompt, clean: "x" } }));
  assert.deepEqual([typed.cells.heads, typed.cells.positions, typed.noise], [[head(1, 2)], null, null]);
  const other = sweepAfter(...begun, run({ model: { ...model, name: "other" } }));
  assert.deepEqual([other.cells.heads, other.restricted, other.noise, other.cells.by], [null, false, null, "position"]);
});

test("undo covers the sweep", () => {
  const state = after(set({ method: "zero" }), set({ activation: "q" }), { type: "undo" });
  assert.deepEqual([state.session.sweep.method, state.session.sweep.cells.activation], ["zero", "z"]);
  assert.equal(reduce(state, { type: "redo" }, MODEL).session.sweep.cells.activation, "q");
});

test("a sweep's button is off while it runs or waits, and where nothing is left to run", () => {
  const { startIsOff } = require("../../assets/64-sweep-controls.js");
  assert.deepEqual([[false, true], [undefined, undefined]].map(([done, idle]) => startIsOff(done, idle)), [false, false]);
  assert.deepEqual([[false, false], [true, true], [true, false]].map(([done, idle]) => startIsOff(done, idle)), [true, true, true]);
});
