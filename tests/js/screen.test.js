"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Teller } = require("../../assets/21-screen.js");

/** A teller whose pauses end when the test says so, and what it sent. */
function told(answers = []) {
  const sent = [];
  const waiting = [];
  const ended = [];
  const send = async (state) => {
    sent.push(state);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer !== false;
  };
  const teller = new Teller(send, () => ended.push(true), (act) => waiting.push(act));
  const pause = () => Promise.all(waiting.splice(0).map((act) => act()));
  return { teller, sent, ended, pause };
}

test("of many changes in a pause the last one is told, once", async () => {
  const { teller, sent, pause } = told();
  ["a", "b", "c"].forEach((state) => teller.hear(state));
  await pause();
  await pause();
  assert.deepEqual(sent, ["c"]);
});

test("what changes while it is told is told afterwards", async () => {
  const { teller, sent, pause } = told();
  teller.hear("a");
  const first = pause();
  teller.hear("b");
  await first;
  await pause();
  assert.deepEqual(sent, ["a", "b"]);
});

test("a server that is away is told again; one that no longer listens is left alone, and that is said once", async () => {
  const { teller, sent, ended, pause } = told([new Error("away"), true, false]);
  teller.hear("a");
  await pause();
  await pause();
  teller.hear("b");
  await pause();
  teller.hear("c");
  await pause();
  assert.deepEqual(sent, ["a", "a", "b"]);
  assert.deepEqual(ended, [true]);
});
