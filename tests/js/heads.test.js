"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
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
