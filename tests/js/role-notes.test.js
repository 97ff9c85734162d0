"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { opened, after, head, session, MODEL, reduce, initial } = require("./support.js");
const { MOST_CHARACTERS, noteOn } = require("../../assets/10-role-notes.js");
const { encode, decode } = require("../../assets/20-link.js");
const { lostWith } = require("../../assets/10-reduce.js");

const write = (layer, index, text) => ({ type: "set-note", head: head(layer, index), text });

test("notes stand in the order of the model, one per head", () => {
  const { session: { notes } } = after(write(2, 1, "mover"), write(0, 2, "early"), write(2, 1, "name mover"));
  assert.deepEqual(notes, [{ head: head(0, 2), text: "early" }, { head: head(2, 1), text: "name mover" }]);
  assert.equal(noteOn(notes, head(2, 1)), "name mover");
  assert.equal(noteOn(notes, head(1, 1)), "");
});

test("an empty text takes the note away", () => {
  assert.deepEqual(after(write(1, 1, "x"), write(1, 1, "  ")).session.notes, []);
});

test("a note is undone and redone", () => {
  const written = after(write(1, 1, "first"), write(1, 1, "second"));
  const back = reduce(written, { type: "undo" }, MODEL);
  assert.equal(noteOn(back.session.notes, head(1, 1)), "first");
  assert.equal(noteOn(reduce(back, { type: "redo" }, MODEL).session.notes, head(1, 1)), "second");
});

test("notes travel in the link", () => {
  const { session: noted } = after(write(1, 1, "Übersicht ✓"));
  assert.deepEqual(decode(encode(noted)).session.notes, noted.notes);
});

test("a link without notes opens without any, one with wrong notes says so", () => {
  const { notes, ...older } = session();
  assert.deepEqual(decode(encode(older)).session.notes, notes);
  assert.match(decode(encode({ ...older, notes: [{ text: "whose?" }] })).reason, /notes/);
});

test("a long note is cut at whole characters, one on a head that the model lacks is left out", () => {
  const { session: { notes } } = after(write(1, 1, "🙂".repeat(MOST_CHARACTERS + 9)), write(9, 0, "nobody"));
  assert.equal(notes.length, 1);
  assert.equal([...notes[0].text].length, MOST_CHARACTERS);
  assert.deepEqual(initial({ ...session(), notes: [{ head: head(9, 0), text: "x" }] }, MODEL).session.notes, []);
});

test("what is no note changes nothing", () => {
  const state = opened();
  assert.equal(reduce(state, { type: "set-note", head: null, text: "x" }, MODEL), state);
  assert.equal(reduce(state, { type: "set-note", head: head(1, 1), text: 3 }, MODEL), state);
});

test("another model begins without notes, and says how many it leaves", () => {
  const noted = after(write(1, 1, "mover"));
  const model = { ...noted.session.experiment.model, name: "another" };
  const next = reduce(noted, { type: "set-model", model }, MODEL);
  assert.deepEqual(next.session.notes, []);
  assert.equal(lostWith(noted.session, next.session), "1 note");
  assert.equal(noteOn(reduce(next, { type: "undo" }, MODEL).session.notes, head(1, 1)), "mover");
});
