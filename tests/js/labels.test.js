"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { labelNames, labelsSaid, labelValues, labelChoices } = require("../../assets/12-labels.js");
const { pair } = require("./support.js");

const SET = [{ ...pair("p"), labels: { topic: "sport" } }, pair("q"), { ...pair("r"), labels: { level: "2", topic: "art" } }];

test("a set has every label once, and a row says all of them", () => {
  assert.deepEqual(labelNames(SET), ["topic", "level"]);
  assert.deepEqual(SET.map((prompt) => labelValues(prompt, labelNames(SET))), ["sport · –", "", "art · 2"]);
  assert.equal(labelsSaid(SET[2]), "level: 2, topic: art");
});

test("panels offer the labels of the set, and the chosen one that it lacks", () => {
  assert.deepEqual(labelChoices(SET, "side"), [["label:topic", "by topic"], ["label:level", "by level"]]);
  assert.deepEqual(labelChoices([pair("p")], "label:topic"), [["label:topic", "by topic (no prompt has it)"]]);
});
