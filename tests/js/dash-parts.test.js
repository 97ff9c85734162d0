"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { patient } = require("../../assets/05-dash-parts.js");

/** A store whose parts listen patiently: `step(state)` is a step of Dash, `end()` when no more follow at once. */
function store() {
  let state = { layout: 1, callbacks: 0 };
  const heard = [];
  const waiting = [];
  const tell = patient(() => state, () => heard.push(state), (before, now) => before.layout !== now.layout, (act) => waiting.push(act));
  const step = (change) => {
    state = change === null ? state : { ...state, ...change };
    tell();
  };
  return { step, heard, end: () => waiting.splice(0).forEach((act) => act()) };
}

test("steps that change no part are heard once, when they are over", () => {
  const { step, heard, end } = store();
  for (const callbacks of [1, 2, 3]) step({ callbacks });
  assert.deepEqual(heard, []);
  end();
  assert.deepEqual(heard, [{ layout: 1, callbacks: 3 }]);
  end();
  assert.equal(heard.length, 1);
});

test("a step that changes a part is heard at once, and what waited with it", () => {
  const { step, heard, end } = store();
  step({ callbacks: 1 });
  step({ layout: 2 });
  assert.deepEqual(heard, [{ layout: 2, callbacks: 1 }]);
  end();
  assert.equal(heard.length, 1);
});

test("a step that changes nothing is not heard", () => {
  const { step, heard, end } = store();
  step(null);
  end();
  assert.deepEqual(heard, []);
});
