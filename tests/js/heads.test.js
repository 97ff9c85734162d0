"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { drawnAs, drawing, numbersShown, PRESETS, presetAxes, presetOf } = require("../../assets/10-shown-heads.js");
const { encode, decode } = require("../../assets/20-link.js");
const { MODEL, after, click, session, initial } = require("./support.js");

const show = (fields) => ({ type: "show-heads", ...fields });
const headsAfter = (...actions) => after(...actions).session.heads;

test("numbers of heads are chosen by name, and nothing else is", () => {
  assert.equal(headsAfter(show({ quantity: "entropy" })).quantity, "entropy");
  assert.equal(headsAfter(show({ quantity: "charm" })).quantity, "direct");
  assert.equal(headsAfter(show({ beside: "zero" }), show({ beside: null })).beside, null);
  const x = { quantity: "estimate", show: null };
  assert.deepEqual(headsAfter(show({ x })).x, x);
  assert.deepEqual(headsAfter(show({ y: { quantity: "direct", show: "sideways" } })), session().heads);
});

test("another number is undone and redone, and keeps the selection", () => {
  const state = after(click(1, 1), show({ quantity: "entropy" }), { type: "undo" });
  assert.deepEqual([state.session.heads.quantity, state.session.selection.heads.length], ["direct", 1]);
});

test("a link holds what is shown of the heads; one from before has its quantity in the view", () => {
  const { session: now } = after(show({ quantity: "zero", beside: "entropy", one_scale: false }));
  assert.deepEqual(decode(encode(now)), { session: now, reason: null });
  const { heads, ...old } = session();
  const opened = initial({ ...old, view: { ...old.view, quantity: "mean" } }, MODEL).session;
  assert.deepEqual([opened.heads, opened.view], [{ ...heads, quantity: "mean" }, old.view]);
  const wrong = encode({ ...session(), heads: { quantity: "charm" } });
  assert.equal(decode(wrong).reason, "its heads has no usable quantity");
});

// ---- one map, two maps, a scatter --------------------------------------------------------------------------------

const alone = (quantity) => quantity === "copying";
const on = (quantity, run = null) => ({ quantity, show: run });

test("one map, two maps and a scatter are one choice, and the way back keeps the axes", () => {
  const { heads: first } = session();
  const turned = (heads, ...modes) => modes.reduce((now, mode) => ({ ...now, ...drawing(mode, now) }), heads);
  const walked = ["maps", "scatter", "maps", "map"].map((_, at, modes) => turned(first, ...modes.slice(0, at + 1)));
  assert.deepEqual([first, ...walked].map(drawnAs), ["map", "maps", "scatter", "maps", "map"]);
  assert.deepEqual(turned(first, "scatter", "map"), first);
});

test("a second map begins with another number than the first", () => {
  assert.equal(drawing("maps", { quantity: "zero", beside: null }).beside, "direct");
  assert.equal(drawing("maps", { quantity: "entropy", beside: "copying" }).beside, "copying");
});

test("numbers on screen come with their runs; those of the model alone have one", () => {
  const heads = headsAfter(show({ quantity: "entropy", beside: "copying" }));
  assert.deepEqual(numbersShown(heads, "difference", alone), [["entropy", "difference"], ["copying", "baseline"]]);
  const axes = show({ x: on("direct", "baseline"), y: on("zero"), scatter: true });
  assert.deepEqual(numbersShown(headsAfter(axes), "intervened", alone), [["zero", "intervened"], ["direct", "baseline"]]);
});

test("every preset sets both axes to numbers that there are, and is found again from them", () => {
  for (const { name } of PRESETS) {
    const heads = headsAfter(show(presetAxes(name, session().heads, alone)));
    assert.equal(presetOf(heads, alone), name);
  }
  assert.equal(presetOf({ ...session().heads, x: on("entropy") }, alone), null);
});

test("before and after are two runs of the number that is up, of the model alone of direct attribution", () => {
  const axes = (quantity) => presetAxes("changed", { y: on(quantity) }, alone);
  assert.deepEqual(axes("entropy"), { x: on("entropy", "baseline"), y: on("entropy", "intervened") });
  assert.equal(axes("copying").x.quantity, "direct");
  assert.deepEqual(presetAxes("", { y: on("zero") }, alone), {}, "axes of one's own change nothing");
});

test("a link brings the scatter back with its axes and runs", () => {
  const { session: now } = after(show({ scatter: true, x: on("estimate"), y: on("denoising", "intervened") }));
  assert.deepEqual(decode(encode(now)).session.heads, now.heads);
  assert.equal(decode(encode({ ...now, heads: { scatter: "yes" } })).reason, "its heads has no usable scatter");
});
