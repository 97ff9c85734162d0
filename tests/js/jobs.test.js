"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { jobsSaid } = require("../../assets/43-jobs.js");

test("the header counts what runs and waits, and its tooltip names it, equal names once", () => {
  const said = jobsSaid({ running: ["Ablation sweep, zero"], waiting: ["Logit lens", "Head card", "Logit lens"] });
  assert.equal(said.textContent, "1 running, 3 waiting");
  assert.equal(said.title, "Running on this server, of everybody:\n· Ablation sweep, zero\nWaiting for their turn:\n· Logit lens × 2\n· Head card");
});

test("nothing is said of nothing, and long lists end", () => {
  assert.deepEqual(jobsSaid({ running: [], waiting: [] }), { textContent: "", title: "" });
  const many = Array.from({ length: 20 }, (_, at) => `job ${at}`);
  assert.match(jobsSaid({ running: ["a"], waiting: many }).title, /· job 11\n· and 8 more$/);
});
