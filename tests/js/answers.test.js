"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { leftOut, entered, meant } = require("../../assets/68-answers.js");

test("what was typed and not chosen is named with why, what to do, and what is run instead", () => {
  const said = leftOut("Answer", "Washington DC", ["·Mary"], "It is two tokens.", false);
  assert.match(said, /“Washington DC” was not chosen from the list\. It is two tokens\./);
  assert.match(said, /press Run twice to go on with ·Mary\.$/);
});

test("the first press of Run says that the next one goes on", () => {
  assert.match(leftOut("Instead of", "x", [], "", true), /list\. Choose .* press Run again to go on without it\.$/);
});

test("Enter takes what was typed, else the first of what was found, else nothing", () => {
  assert.equal(entered("Paris", [" Paris", "Paris"]), "Paris");
  assert.equal(entered(" Par", [" Paris", "Paris"]), " Paris");
  assert.equal(entered("xyzzy", []), null);
});

test("leaving the field takes a token only where its leading space is not in doubt", () => {
  assert.equal(meant(" Paris", [" Paris", "Paris"]), " Paris");
  assert.equal(meant("Paris", ["Paris", " Paris"]), null);
  assert.equal(meant(" Par", [" Paris"]), null);
});
