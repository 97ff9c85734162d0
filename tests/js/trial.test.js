"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { newestOf } = require("../../assets/63-trial.js");

/** A server whose answers come when the test says so: {trial, sent, told, answer(at, response)}. */
function server() {
  const sent = [];
  const answers = [];
  const told = [];
  const send = (question) => {
    sent.push(question);
    return new Promise((resolve, reject) => answers.push({ resolve, reject }));
  };
  const trial = newestOf(send, () => told.push(trial.now()));
  const come = async (at, { body, status = 200, text = "" }) => {
    answers[at].resolve({ status, ok: status < 400, json: async () => body, text: async () => text });
    await passed();
  };
  return { trial, sent, told, come, lose: (at) => answers[at].reject(new TypeError("no network")) };
}

const passed = () => new Promise((resolve) => { setTimeout(resolve, 5); });

async function asking(...questions) {
  const found = server();
  for (const question of questions) {
    found.trial.ask(question);
    await passed();
  }
  return found;
}

test("while one question is on its way no other is sent, and afterwards only the newest", async () => {
  const { trial, sent, come } = await asking("a", "b", "c", "d");
  assert.deepEqual(sent, ["a"]);
  await come(0, { body: { after: 1 } });
  assert.deepEqual(sent, ["a", "d"]);
  assert.deepEqual(trial.now(), { asked: "d", answer: null }, "the answer to another question is not shown");
  await come(1, { body: { after: 4 } });
  assert.deepEqual(trial.now(), { asked: "d", answer: { after: 4 } });
});

test("what is not asked any more is not sent, and its answer is not shown", async () => {
  const { trial, sent, come } = await asking("a", "b", null);
  await come(0, { body: { after: 1 } });
  assert.deepEqual(sent, ["a"]);
  assert.deepEqual(trial.now(), { asked: null, answer: null });
});

test("who comes back to the question that is on its way has its answer, asked once", async () => {
  const { trial, sent, come } = await asking("a", "b", "a");
  await come(0, { body: { after: 1 } });
  assert.deepEqual(sent, ["a"]);
  assert.deepEqual(trial.now().answer, { after: 1 });
});

test("there is no answer from the moment another question is asked", async () => {
  const { trial, told, come } = await asking("a");
  await come(0, { body: { after: 1 } });
  trial.ask("b");
  assert.deepEqual(told.at(-1), { asked: "b", answer: null });
});

test("a server that fails says so in words, not in its page, and can be asked again", async () => {
  const { trial, sent, come } = await asking("a");
  await come(0, { status: 500, text: "<!doctype html><title>500</title>" });
  assert.match(trial.now().answer.problem, /^The server failed/);
  trial.ask("a");
  await passed();
  assert.deepEqual(sent, ["a"], "drawing the same once more asks nothing");
  trial.again();
  await passed();
  assert.deepEqual(sent, ["a", "a"]);
  await come(1, { body: { after: 2 } });
  assert.deepEqual(trial.now().answer, { after: 2 });
});

test("a server that is silent or busy can be asked again, a refusal not", async () => {
  const { trial, sent, come, lose } = await asking("a");
  lose(0);
  await passed();
  assert.match(trial.now().answer.problem, /does not answer/);
  trial.again();
  await passed();
  await come(1, { body: { problem: "64 computations are waiting already", again: true } });
  trial.again();
  await passed();
  await come(2, { body: { problem: "between 0 and 1", again: false } });
  trial.again();
  await passed();
  assert.deepEqual(sent, ["a", "a", "a"]);
});
