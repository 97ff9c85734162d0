"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { MODEL, session, opened, after, head, click, pair, reduce } = require("./support.js");
const { FIRST_INTERVENTIONS } = require("../../assets/10-runs.js");

const ABLATE = { type: "intervene", kind: "ablate", method: "zero" };
const zeroAblation = (layer, heads) => ({
  intervention: {
    ...FIRST_INTERVENTIONS.ablate, site: { activation: "z", layer, heads, positions: null, neurons: null },
  },
  on: true,
});
const interventionsAfter = (...actions) => after(...actions).session.experiment.interventions;

test("ablating selected heads adds one intervention per layer at z and shows the intervened run", () => {
  const state = after(click(2, 2), click(0, 1, true), click(2, 0, true), ABLATE);
  assert.deepEqual(state.session.experiment.interventions, [zeroAblation(0, [1]), zeroAblation(2, [0, 2])]);
  assert.equal(state.session.view.show, "intervened");
});

test("a head that is ablated already is not ablated twice, but another method is another intervention", () => {
  assert.equal(interventionsAfter(click(1, 1), ABLATE, ABLATE).length, 1);
  const grown = interventionsAfter(click(1, 1), ABLATE, click(1, 2, true), ABLATE);
  assert.deepEqual(grown.map((item) => item.intervention.site.heads), [[1], [2]]);
  assert.equal(interventionsAfter(click(1, 1), ABLATE, { ...ABLATE, method: "mean" }).length, 2);
});

test("ablating what is switched off switches it on again", () => {
  const list = interventionsAfter(click(1, 1), ABLATE, { type: "toggle-intervention", index: 0 }, ABLATE);
  assert.deepEqual(list.map((item) => item.on), [true]);
});

test("intervening on nothing changes nothing", () => {
  const state = opened();
  assert.equal(reduce(state, ABLATE, MODEL), state);
});

test("a patch needs a corrupted prompt", () => {
  const patch = { type: "intervene", kind: "patch" };
  assert.deepEqual(interventionsAfter(click(1, 1), patch)[0].intervention, {
    ...FIRST_INTERVENTIONS.patch, site: { activation: "z", layer: 1, heads: [1], positions: null, neurons: null },
  });
  const alone = session().experiment;
  alone.prompt.corrupted = null;
  assert.deepEqual(interventionsAfter({ type: "set-experiment", experiment: alone }, click(1, 1), patch), []);
  const without = { type: "set-experiment", experiment: { ...alone, interventions: undefined } };
  assert.deepEqual(interventionsAfter(click(1, 1), patch, without).map((item) => item.on), [false]);
});

test("adding an intervention keeps a difference on screen; removing the last active one shows the baseline", () => {
  const difference = { type: "set-view", show: "difference" };
  const two = after(click(1, 1), ABLATE, difference, click(2, 1), ABLATE);
  assert.equal(two.session.view.show, "difference");
  const off = reduce(two, { type: "toggle-intervention", index: 0 }, MODEL);
  assert.equal(off.session.view.show, "difference");
  const removed = reduce(off, { type: "remove-intervention", index: 1 }, MODEL);
  assert.equal(removed.session.view.show, "baseline");
  assert.equal(reduce(removed, { type: "toggle-intervention", index: 0 }, MODEL).session.view.show, "intervened");
});

test("an intervention that does not exist cannot be switched or removed", () => {
  const state = after(click(1, 1), ABLATE);
  assert.equal(reduce(state, { type: "toggle-intervention", index: 5 }, MODEL), state);
  assert.equal(reduce(state, { type: "remove-intervention", index: 5 }, MODEL), state);
});

test("another prompt keeps heads and interventions and lets positions go", () => {
  const { experiment } = session();
  const prompt = { ...experiment.prompt, clean: "x y z" };
  const given = { ...experiment, prompt };
  delete given.interventions;
  const position = { type: "click-position", position: 3 };
  const state = after(click(1, 1), ABLATE, position, { type: "set-experiment", experiment: given });
  assert.equal(state.session.experiment.prompt.clean, "x y z");
  assert.equal(state.session.experiment.interventions.length, 1);
  assert.deepEqual(state.session.selection.heads, [head(1, 1)]);
  assert.deepEqual(state.session.selection.positions, []);
});

test("another model lets heads and interventions go; another processing of the same one keeps them", () => {
  const model = session().experiment.model;
  const other = after(click(1, 1), ABLATE, { type: "set-model", model: { ...model, name: "other" } });
  assert.deepEqual([other.session.experiment.interventions, other.session.selection.heads], [[], []]);
  assert.equal(other.session.view.show, "baseline");
  const raw = after(click(1, 1), ABLATE, { type: "set-model", model: { ...model, processing: "raw" } });
  assert.deepEqual([raw.session.experiment.interventions.length, raw.session.selection.heads.length], [1, 1]);
});

test("another model brings its own example, unless something else has been typed", () => {
  const { model, prompt } = session().experiment;
  const examples = { other: { ...prompt, clean: "p q" }, [model.name]: prompt };
  const change = { type: "set-model", model: { ...model, name: "other" }, examples };
  assert.equal(after(change).session.experiment.prompt.clean, "p q");
  const typed = { type: "set-experiment", experiment: { model, prompt: { ...prompt, clean: "my own" } } };
  assert.equal(after(typed, change).session.experiment.prompt.clean, "my own");
  const raw = { type: "set-model", model: { ...model, processing: "raw" }, examples };
  assert.deepEqual(after(raw).session.experiment.prompt, prompt);
});

test("undo and redo cover experiment, selection and what is shown, not the workspace", () => {
  const state = after(click(1, 1), ABLATE, { type: "set-view", workspace: "residual" }, { type: "undo" });
  assert.deepEqual(state.session.experiment.interventions, []);
  assert.deepEqual(state.session.view, { ...session().view, workspace: "residual" });
  const redone = reduce(state, { type: "redo" }, MODEL);
  assert.equal(redone.session.experiment.interventions.length, 1);
  assert.equal(redone.session.view.show, "intervened");
});

test("undo at the beginning and redo at the end change nothing; a new action forgets what was undone", () => {
  const state = opened();
  assert.equal(reduce(state, { type: "undo" }, MODEL), state);
  assert.equal(reduce(state, { type: "redo" }, MODEL), state);
  assert.deepEqual(after(click(1, 1), click(1, 2), { type: "undo" }, click(0, 0)).future, []);
});

test("history keeps the last hundred steps", () => {
  const clicks = Array.from({ length: 150 }, (_, step) => click(step % 4, step % 3));
  assert.equal(after(...clicks).past.length, 100);
});

/** A repeatable random number in [0, 1): mulberry32. */
function randomFrom(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function randomIntervention(pick, below) {
  const prompts = pick([null, [0], [1, 2]]);
  if (below(2) > 0) return { kind: "patch", site: { activation: "resid_pre", layer: pick([0, 1]) }, prompts };
  return pick([
    { kind: "knock_out_edge", layer: pick([0, 2]), edges: [[3, 1]], prompts },
    { kind: "gaussian_noise", positions: [pick([1, 2])], prompts },
  ]);
}

function randomAction(random) {
  const pick = (options) => options[Math.floor(random() * options.length)];
  const below = (count) => Math.floor(random() * (count + 2)) - 1;
  return pick([
    { type: "click-head", layer: below(4), head: below(3), add: random() < 0.5 },
    { type: "click-layer", layer: below(4), add: random() < 0.5 },
    { type: "click-head-index", head: below(3), add: random() < 0.5 },
    { type: "set-heads", heads: [head(below(4), below(3)), head(below(4), below(3))], add: random() < 0.5 },
    { type: "click-position", position: below(6), add: random() < 0.5 },
    { type: "move", dx: pick([-1, 0, 1]), dy: pick([-1, 0, 1]) },
    { type: "pin" }, { type: "unpin" }, { type: "clear" },
    { type: "intervene", kind: pick(["ablate", "patch"]), method: pick(["zero", "mean", "resample"]) },
    { type: "add-intervention", intervention: randomIntervention(pick, below) },
    { type: "set-intervention", index: below(3), intervention: randomIntervention(pick, below) },
    { type: "set-prompts", prompts: ["p", "q", "r", "q"].slice(0, below(3) + 1).map((text) => pair(text)) },
    { type: "select-prompt", index: below(3) },
    { type: "set-base", base: pick(["clean", "corrupted"]) },
    { type: "set-experiment", experiment: { ...session().experiment, prompt: pair(pick(["p", "s"]), pick(["x", null])) } },
    { type: "click-place", layer: below(4), position: below(6), add: random() < 0.5 },
    { type: "drop-layer", layer: below(4) },
    { type: "set-sweep", activation: pick(["z", "k", "resid_pre", "mlp_post", "pattern"]), by: pick(["all", "position"]) },
    { type: "set-sweep", method: pick(["zero", "noising", "tracing"]), against: pick([[], ["zero"], ["mean", "tracing", "zero"]]) },
    { type: "restrict-sweep", on: random() < 0.7 },
    { type: "corrupt-selected" },
    { type: "toggle-intervention", index: below(3) },
    { type: "remove-intervention", index: below(3) },
    { type: "set-view", show: pick(["baseline", "intervened", "difference"]) },
    { type: "show-heads", quantity: pick(["direct", "zero", "mean"]) },
    { type: "set-view", workspace: pick(["look", "attention", "residual", "patch"]) },
  ]);
}

function checkRuns({ prompt, prompts, base, interventions }, selection) {
  if (prompts.length) assert.deepEqual(prompts[selection.prompt], prompt);
  else assert.equal(selection.prompt, 0);
  const set = prompts.length ? prompts : [prompt];
  assert.equal(new Set(set.map(({ clean, corrupted }) => `${clean}|${corrupted}`)).size, set.length);
  if (base === "corrupted") assert.ok(set.every(({ corrupted }) => corrupted !== null));
  for (const { on, intervention: { kind, prompts: where } } of interventions) {
    const here = set.filter((_, index) => where === null || where.includes(index));
    if (where) assert.ok(where.length > 0 && where.every((index) => index < set.length));
    if (on && kind === "patch") assert.ok(here.every(({ corrupted }) => corrupted !== null));
  }
}

function checkSweep({ cells, method, against }) {
  assert.ok(!against.includes(method));
  if (cells.heads) assert.ok(["z", "k", "pattern"].includes(cells.activation) && cells.heads.length > 0);
  if (cells.heads && cells.activation === "k") assert.ok(cells.heads.every((found) => found.head === 0));
  if (cells.activation === "mlp_post") assert.ok(cells.layers.length > 0);
  if (cells.by === "all") assert.equal(cells.positions, null);
}

function checkInvariants({ session: { experiment, selection, view, sweep } }) {
  checkRuns(experiment, selection);
  checkSweep(sweep);
  const labels = selection.heads.map(({ layer, head: index }) => `${layer}.${index}`);
  assert.equal(new Set(labels).size, labels.length, "heads are unique");
  assert.ok(selection.heads.every((found) => found.layer >= 0 && found.layer < 4 && found.head >= 0 && found.head < 3));
  if (selection.heads.length) assert.ok(labels.includes(`${selection.primary.layer}.${selection.primary.head}`));
  else assert.equal(selection.primary, null);
  assert.ok(selection.positions.every((position) => position >= 0 && position < 6));
  if (!experiment.interventions.some((item) => item.on)) assert.equal(view.show, "baseline");
}

test("any sequence of actions keeps the invariants, and undo then redo walk it back and forth", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = randomFrom(seed);
    let state = opened();
    for (let step = 0; step < 60; step += 1) {
      const next = reduce(state, randomAction(random), MODEL);
      checkInvariants(next);
      state = next;
    }
    const end = state;
    for (let step = 0; step < end.past.length; step += 1) state = reduce(state, { type: "undo" }, MODEL);
    assert.deepEqual([state.past, state.future.length], [[], end.past.length]);
    for (let step = 0; step < end.past.length; step += 1) state = reduce(state, { type: "redo" }, MODEL);
    assert.deepEqual(state, end);
  }
});

test("any action applied to a state that it does not change returns that state", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = randomFrom(seed);
    let state = opened();
    for (let step = 0; step < 40; step += 1) {
      const next = reduce(state, randomAction(random), MODEL);
      if (next !== state) assert.notDeepEqual(next.session, state.session);
      state = next;
    }
  }
});
