"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { opened, after, MODEL, reduce } = require("./support.js");
const { actionFor } = require("../../assets/66-generation.js");
const { encode, decode } = require("../../assets/20-link.js");

const generation = (fields) => ({ type: "set-view", generation: fields });

test("the numbers of generated text are part of the session and of its link", () => {
  const { session } = after(generation({ max_new_tokens: 7, temperature: 0.5 }));
  assert.deepEqual(session.view.generation, { max_new_tokens: 7, temperature: 0.5, seed: 0 });
  assert.deepEqual(decode(encode(session)).session.view.generation, session.view.generation);
});

test("a number that no text can be generated with is left out", () => {
  const state = opened();
  for (const wrong of [{ max_new_tokens: 0 }, { max_new_tokens: 201 }, { temperature: -1 }, { temperature: 10.5 }, { seed: 1.5 }, { colour: 1 }]) {
    assert.equal(reduce(state, generation(wrong), MODEL), state);
  }
});

test("controls write what differs, and nothing while a field is empty", () => {
  const { generation: now } = opened().session.view;
  const values = { "max-new-tokens": 20, temperature: 0, "generation-seed": 0 };
  assert.equal(actionFor(values, now), null);
  assert.equal(actionFor({ ...values, temperature: "" }, now), null);
  assert.deepEqual(actionFor({ ...values, temperature: 1 }, now), generation({ temperature: 1 }));
});

test("as what the second sweep is drawn, and with which colours, goes into the link", () => {
  const { session } = after({ type: "set-sweep", against_as: "map", one_scale: false });
  const { sweep } = decode(encode(session)).session;
  assert.deepEqual([sweep.against_as, sweep.one_scale], ["map", false]);
});
