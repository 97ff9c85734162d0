"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { chipsOf } = require("../../assets/40-token-strip.js");

test("every token is a chip that says its place, and the separator and the last one are marked", () => {
  const chips = chipsOf({ tokens: ["<|endoftext|>", " to"], ids: [0, 284], bos: true });
  assert.deepEqual(chips[0], { token: "<|endoftext|>", text: "bos", name: "mt-token is-bos", title: "position 0, id 0, BOS" });
  assert.equal(chips[1].text, "·to");
  assert.equal(chips[1].name, "mt-token is-end");
  assert.match(chips[1].title, /position 1, id 284, last/);
  assert.equal(chipsOf({ tokens: ["a"], ids: [3], bos: false })[0].text, "a");
});
