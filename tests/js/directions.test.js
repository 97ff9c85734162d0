"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { after, session, MODEL, reduce } = require("./support.js");
const { chosenDirection, missingDirection, freeName, MOST_NAME } = require("../../assets/10-directions.js");
const { encode, decode } = require("../../assets/20-link.js");

const MARY = { kind: "tokens", tokens: [" Mary"], minus: [" John"], matrix: "W_U" };
const add = (name, direction = MARY) => ({ type: "add-direction", name, direction });
const names = ({ session: { directions } }) => directions.map(({ name }) => name);

test("an added direction stands at the end and is looked at", () => {
  const added = after(add("Mary"), add("noise", { kind: "random", seed: 1 }));
  assert.deepEqual(names(added), ["Mary", "noise"]);
  assert.equal(chosenDirection(added.session).name, "noise");
});

test("a name that is taken gets a number, and still fits", () => {
  assert.deepEqual(names(after(add("Mary"), add("Mary"), add("Mary"))), ["Mary", "Mary 2", "Mary 3"]);
  const long = "x".repeat(MOST_NAME);
  assert.equal([...freeName([{ name: long }], long)].length, MOST_NAME);
});

test("a direction without a name or a kind is none", () => {
  const before = after();
  assert.equal(reduce(before, add("  "), MODEL), before);
  assert.equal(reduce(before, add("nothing", {}), MODEL), before);
});

test("a renamed direction is still looked at, and no two have one name", () => {
  const renamed = after(add("Mary"), { type: "rename-direction", name: "Mary", to: "subject" });
  assert.deepEqual([names(renamed), renamed.session.residual.direction], [["subject"], "subject"]);
  const both = after(add("one"), add("two"), { type: "rename-direction", name: "two", to: "one" });
  assert.deepEqual(names(both), ["one", "two"]);
});

test("after the direction that is looked at is removed, the first one is", () => {
  const left = after(add("one"), add("two"), { type: "remove-direction", name: "two" });
  assert.equal(chosenDirection(left.session).name, "one");
  assert.equal(chosenDirection(after().session), null);
});

test("a name that no direction has shows no other one, and nothing is changed along it", () => {
  const lost = after(add("one"), { type: "show-residual", direction: "gone" });
  assert.deepEqual([chosenDirection(lost.session), missingDirection(lost.session)], [null, "gone"]);
  assert.equal(reduce(lost, { type: "intervene-along", change: { kind: "project_out" } }, MODEL), lost);
  assert.deepEqual([missingDirection(after(add("one")).session), missingDirection(after().session)], [null, null]);
});

test("adding is undone, and directions travel in the link", () => {
  const added = after(add("Mary"));
  assert.deepEqual(names(reduce(added, { type: "undo" }, MODEL)), []);
  assert.deepEqual(decode(encode(added.session)).session.directions, added.session.directions);
});

test("a link without directions opens without any, one with wrong ones says so", () => {
  const { directions, residual, ...older } = session();
  const opened = decode(encode(older)).session;
  assert.deepEqual([opened.directions, opened.residual.projection.activation], [[], "resid_post"]);
  assert.match(decode(encode({ ...older, directions: [{ name: "x" }] })).reason, /directions/);
});

test("what Residual shows changes field by field, and only to what can stand there", () => {
  const shown = after({ type: "show-residual", projection: { activation: "resid_pre" } });
  assert.equal(shown.session.residual.projection.activation, "resid_pre");
  const wrong = { type: "show-residual", projection: { activation: "z" }, direction: 5 };
  assert.equal(reduce(shown, wrong, MODEL), shown);
});

test("the section of Residual is a view, which undo leaves alone", () => {
  const seen = after({ type: "set-view", section: "direction" }, { type: "set-view", section: "nowhere" });
  assert.equal(seen.session.view.section, "direction");
  assert.equal(reduce(seen, { type: "undo" }, MODEL), seen);
});
