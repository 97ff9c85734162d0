"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { encode, decode, read, savedIn } = require("../../assets/20-link.js");
const { session, after, click, pair } = require("./support.js");

const hashOf = (value) => "#s=" + Buffer.from(JSON.stringify(value)).toString("base64url");
const changed = (change) => {
  const copy = session();
  change(copy);
  return hashOf(copy);
};

test("a session survives the address bar", () => {
  const state = after(click(1, 2), { type: "pin" }, { type: "intervene", kind: "ablate", method: "mean" });
  assert.deepEqual(decode(encode(state.session)), { session: state.session, reason: null });
});

test("prompts in any script survive, and the address uses url-safe characters only", () => {
  const given = session();
  given.experiment.prompt.clean = "Δ→ 東京 naïve 🙂 \n\t\"quotes\" ?>~";
  const hash = encode(given);
  assert.match(hash, /^#s=[A-Za-z0-9_-]+$/);
  assert.equal(decode(hash).session.experiment.prompt.clean, given.experiment.prompt.clean);
});

test("no link is neither a session nor a refusal", () => {
  assert.deepEqual(decode(""), { session: null, reason: null });
  assert.deepEqual(decode("#panel"), { session: null, reason: null });
});

test("a link that was cut off or damaged is refused with the reason", () => {
  const hash = encode(session());
  for (const damaged of [hash.slice(0, 40), "#s=%%%", "#s=", "#s=" + "A".repeat(9)]) {
    assert.deepEqual(decode(damaged), { session: null, reason: "it is cut off or damaged" });
  }
  assert.match(decode("#s=" + "A".repeat(1000001)).reason, /longer than/);
});

test("a session too long for an address has none, and is read again from what the browser kept", () => {
  const given = session();
  given.experiment.prompt.clean = "x".repeat(800000);
  assert.equal(encode(given), null);
  assert.deepEqual(read(JSON.stringify(given)), { session: given, reason: null });
  assert.deepEqual(read("{"), { session: null, reason: "it is cut off or damaged" });
  assert.match(read("[]").reason, /does not hold a session/);
});

test("a link of another shape is refused and names the part", () => {
  const reason = (change) => decode(changed(change)).reason;
  assert.equal(decode(hashOf([1])).reason, "it does not hold a session");
  assert.equal(decode(hashOf({})).reason, "its experiment is missing");
  assert.equal(reason((s) => { s.experiment.prompt.clean = 7; }), "its experiment has no usable prompt");
  assert.equal(reason((s) => { s.experiment.model = "tiny"; }), "its experiment has no usable model");
  assert.equal(reason((s) => { s.experiment.interventions = [{}]; }), "its experiment has no usable interventions");
  assert.equal(reason((s) => { s.selection.heads = [{ layer: -1 }]; }), "its selection has no usable heads");
  assert.equal(reason((s) => { s.selection.primary = "L1H1"; }), "its selection has no usable primary");
  assert.equal(reason((s) => { s.view.workspace = "kitchen"; }), "its view has no usable workspace");
});

test("a link with only an experiment opens with nothing selected", () => {
  const { experiment } = session();
  for (const part of ["interventions", "prompts", "base"]) delete experiment[part];
  const { session: opened } = decode(hashOf({ experiment }));
  assert.deepEqual(opened, session());
});

test("a link from before prompt sets and sweeps still opens, its interventions completed", () => {
  const { experiment, selection, view } = session();
  const { clean } = experiment.prompt;
  const old = { kind: "ablate", site: { activation: "z", layer: 1, heads: [2], positions: null }, method: "zero" };
  const given = { experiment: { ...experiment, prompt: { clean }, interventions: [{ intervention: old }] }, selection, view };
  for (const part of ["prompts", "base"]) delete given.experiment[part];
  const { session: opened } = decode(hashOf(given));
  const { interventions: [item], prompts, base, prompt } = opened.experiment;
  assert.deepEqual([item.on, item.intervention.draw, item.intervention.site.neurons], [true, 0, null]);
  assert.deepEqual([prompts, base, prompt.answer, opened.sweep], [[], "clean", [], session().sweep]);
});

test("a link from when one method at most stood beside the map still opens, and what is no method is refused", () => {
  const opened = (against) => decode(changed((s) => { s.sweep.against = against; }));
  for (const [old, now] of [[null, []], ["mean", ["mean"]], [["mean", "zero"], ["mean", "zero"]], ["denoising", []]]) {
    assert.deepEqual(opened(old).session.sweep.against, now);
  }
  for (const wrong of ["guess", 7, ["guess"], ["zero", "mean", "resample", "noising"]]) {
    assert.equal(opened(wrong).reason, "its sweep has no usable against");
  }
});

const ALONG = { site: { activation: "resid_post", layer: 1 }, direction: { kind: "random", seed: 1 } };

test("prompt set, base, sweep and every kind of intervention survive the address bar", () => {
  const state = after(
    { type: "set-prompts", prompts: [pair("p"), pair("q")] },
    { type: "select-prompt", index: 1 },
    { type: "set-base", base: "corrupted" },
    { type: "add-intervention", intervention: { kind: "knock_out_edge", layer: 1, edges: [[3, 1]], heads: [0] } },
    { type: "add-intervention", intervention: { kind: "gaussian_noise", positions: [1], prompts: [1] } },
    ...["steer", "clamp", "project_out"].map((kind) => ({ type: "add-intervention", intervention: { kind, ...ALONG } })),
    { type: "add-intervention", intervention: { kind: "swap_along", site: ALONG.site, directions: [ALONG.direction] } },
    { type: "set-sweep", activation: "resid_pre", by: "position", method: "estimate", draws: 3 },
  );
  assert.deepEqual(decode(encode(state.session)), { session: state.session, reason: null });
});

test("labels of prompts survive the address bar, and what is none is refused", () => {
  const labelled = { ...pair("p"), labels: { topic: "sport", level: "2" } };
  const colour = { distribution: { by: "label:topic" }, map: { colour: "label:level" } };
  const state = after({ type: "set-prompts", prompts: [labelled, pair("q")] }, { type: "show-residual", ...colour });
  assert.deepEqual(state.session.experiment.prompt.labels, labelled.labels);
  assert.deepEqual([state.session.residual.distribution.by, state.session.residual.map.colour], ["label:topic", "label:level"]);
  assert.deepEqual(decode(encode(state.session)), { session: state.session, reason: null });
  for (const labels of [["sport"], "sport", { level: 2 }, null]) {
    assert.equal(decode(changed((s) => { s.experiment.prompt.labels = labels; })).reason, "its experiment has no usable prompt");
  }
  assert.equal(after({ type: "show-residual", map: { colour: "label:" } }).session.residual.map.colour, "side");
});

test("prompts, sweeps and interventions that are none are refused and name the part", () => {
  const reason = (change) => decode(changed(change)).reason;
  const withOne = (intervention) => (s) => { s.experiment.interventions = [{ intervention, on: true }]; };
  assert.equal(reason((s) => { s.experiment.prompts = [{ corrupted: "x" }]; }), "its experiment has no usable prompts");
  assert.equal(reason((s) => { s.experiment.base = "dirty"; }), "its experiment has no usable base");
  assert.equal(reason((s) => { s.sweep.method = "guess"; }), "its sweep has no usable method");
  assert.equal(reason((s) => { s.sweep.cells.window = 0; }), "its sweep has no usable cells");
  for (const wrong of [{ kind: "knock_out_edge", layer: 1 }, { kind: "gaussian_noise" }, { kind: "steer", layer: 1 },
    { kind: "clamp", site: ALONG.site }, { kind: "swap_along", ...ALONG }]) {
    assert.equal(reason(withOne(wrong)), "its experiment has no usable interventions");
  }
});

test("a hash names a view that the server keeps, or none", () => {
  assert.equal(savedIn("#v=3f9a2c1b"), "3f9a2c1b");
  for (const hash of ["", "#kept", "#s=abc", null]) assert.equal(savedIn(hash), null);
});
