"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const past = require("../../assets/13-history.js");
const link = require("../../assets/20-link.js");
const { session, pair, after, click } = require("./support.js");

const LENS = ["aa", "Logit lens", 0.25, false];
const CACHED = ["aa", "Logit lens", null, false];
const SWEEP = ["bb", "Ablation sweep, zero", 12.34, true];
const OTHER_SWEEP = ["cc", "Ablation sweep, zero", null, true];
let count = 0;
const note = (runs, of, answers, at = (count += 1)) => past.noted(runs, of, answers, { at, id: `run-${at}` });
const prompted = (clean) => ({ ...session(), experiment: { ...session().experiment, prompt: pair(clean) } });
const ablated = () => after(click(1, 2), { type: "intervene", kind: "ablate", method: "zero" }).session;

test("what decides the same numbers is one run with the latest time, whatever is selected or switched off", () => {
  const off = ablated();
  off.experiment = { ...off.experiment, interventions: off.experiment.interventions.map((item) => ({ ...item, on: false })) };
  const runs = note(note([], session(), [LENS], 1), off, [CACHED], 2);
  assert.equal(runs.length, 1);
  assert.deepEqual([runs[0].id, runs[0].at, runs[0].lines[0].count, runs[0].lines[0].cached], ["run-1", 2, 2, true]);
  assert.equal(note(runs, ablated(), [LENS]).length, 2);
});

test("a prompt set is one run, whichever of its prompts is on screen; seconds are those measured, also once it is cached", () => {
  const prompts = [pair("a b"), pair("c d")];
  const on = (prompt) => ({ ...session(), experiment: { ...session().experiment, prompts, prompt } });
  const [run, ...others] = note(note([], on(prompts[0]), [LENS]), on(prompts[1]), [CACHED]);
  assert.deepEqual(others, []);
  assert.deepEqual([run.lines[0].seconds, run.lines[0].cached], [0.25, true]);
  assert.equal(past.said(run, session().experiment).about, "2 prompts · c d");
});

test("analyses are lines by name, sweeps by result", () => {
  const [run] = note(note([], session(), [LENS, SWEEP, CACHED]), session(), [OTHER_SWEEP]);
  assert.deepEqual(run.lines.map(({ digest, count: times }) => [digest, times]), [["cc", 1], ["aa", 2], ["bb", 1]]);
  assert.equal(past.took(run), "3 analyses · 12.6 s · 2 from cache");
});

test("a line restores the page that asked for it, and keeps figure, notes and library", () => {
  const asking = { ...ablated(), directions: [{ name: "mine", direction: { kind: "random", seed: 1 } }] };
  const [run] = note(note([], asking, [LENS]), { ...asking, view: { ...asking.view, workspace: "patch" } }, [SWEEP]);
  const now = { ...session(), notes: [{ head: { layer: 0, head: 0 }, text: "here" }], directions: [{ name: "later", direction: { kind: "random", seed: 2 } }] };
  const lens = past.sessionOf(run, run.lines.find(({ digest }) => digest === "aa"), now);
  assert.deepEqual(lens.experiment, asking.experiment);
  assert.deepEqual([lens.view.workspace, past.sessionOf(run, null, now).view.workspace], ["look", "patch"]);
  assert.deepEqual(lens.directions.map(({ name }) => name), ["later", "mine"]);
  assert.deepEqual([lens.notes, lens.plate], [now.notes, now.plate]);
  assert.equal(link.read(JSON.stringify(lens)).reason, null);
});

test("only as many runs and characters are kept as there is room for; what is pinned stays, first", () => {
  let runs = note([], prompted("the first"), [LENS]);
  runs = past.changed(runs, runs[0].id, { pinned: true });
  for (let at = 0; at < past.MOST.runs + 5; at += 1) runs = note(runs, prompted(`prompt ${at}`), [LENS]);
  assert.equal(runs.length, past.MOST.runs + 1);
  assert.deepEqual([runs[0], runs[1], runs.at(-1)].map((run) => run.states[0].prompt.clean), ["the first", "prompt 104", "prompt 5"]);
  const small = past.bounded(runs, { ...past.MOST, characters: 3.5 * JSON.stringify(runs[0]).length });
  assert.deepEqual([small.length, small[0].pinned], [3, true]);
  assert.deepEqual(past.onlyPinned(runs).length, 1);
});

test("states that no line names any more go", () => {
  const selected = (number) => after(click(number, 0)).session;
  const runs = [0, 1, 2].reduce((list, number) => note(list, selected(number), [LENS]), []);
  assert.deepEqual([runs[0].states.length, runs[0].states[0].selection.heads], [1, [{ layer: 2, head: 0 }]]);
});

test("the history of a file joins mine: a run of both is one, with the name and the lines of each", () => {
  const mine = note([], session(), [LENS], 10);
  const other = past.changed(note([], session(), [SWEEP], 20), "run-20", { name: "theirs" });
  const [run, ...more] = past.merged(mine, [...other, ...note([], prompted("x"), [LENS], 5)]);
  assert.deepEqual([run.id, run.name, run.at, run.lines.map(({ digest }) => digest).sort()], ["run-10", "theirs", 20, ["aa", "bb"]]);
  assert.equal(more.length, 1);
});

test("words: what is changed, its name, the model where it is another, times and durations", () => {
  const [run] = note([], ablated(), [LENS]);
  const { experiment } = session();
  assert.deepEqual(past.said(run, experiment), { title: "zero L1H2", changes: "", about: "a b c" });
  const other = { ...experiment, model: { ...experiment.model, name: "else" } };
  assert.deepEqual(past.said({ ...run, name: "mine" }, other), { title: "mine", changes: "zero L1H2", about: "tiny · a b c" });
  assert.deepEqual([0.0001, 0.24, 3.44, 59.97, 125].map(past.duration), ["under 1 ms", "240 ms", "3.4 s", "1 min 0 s", "2 min 5 s"]);
  const noon = new Date(2026, 2, 5, 9, 7).getTime();
  assert.deepEqual([past.clock(noon, noon + 1000), past.clock(noon, noon + 9e7)], ["09:07", "5 Mar, 09:07"]);
});

test("two experiments are compared by what differs first", () => {
  const rows = past.compared(session().experiment, ablated().experiment);
  assert.deepEqual(rows[0], ["interventions", "none", "zero L1H2", true]);
  assert.deepEqual(rows.filter(([, , , differs]) => differs).length, 1);
  const { experiment } = session();
  const labelled = { ...experiment, prompts: [{ ...experiment.prompt, labels: { topic: "a" } }] };
  assert.deepEqual(past.compared(experiment, labelled)[0].slice(1, 3), ["the pair alone", "1 prompts · topic"]);
});

test("what a browser has kept is read again without what is damaged", () => {
  const runs = note(note([], session(), [LENS]), ablated(), [SWEEP]);
  assert.deepEqual(past.read(JSON.stringify(runs), link.fault), runs);
  const damaged = [{ ...runs[0], lines: [{ ...runs[0].lines[0], state: 7 }] }, { ...runs[0], states: [{}] }, null, 3, runs[1]];
  assert.deepEqual(past.read(JSON.stringify(damaged), link.fault), [runs[1]]);
  for (const text of ["", "{}", "[[[", "3"]) assert.deepEqual(past.read(text, link.fault), []);
});
