"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { parse, namesIn, matching, completion } = require("../../assets/13-head-query.js");
const { head } = require("./support.js");

const NAMES = ["direct", "induction", "zero", "attention_to_first"];
const NUMBERS = { direct: [-1, 2, -3, 0.5], induction: [0.5, 0.6, 0.1, NaN], zero: [0, 0, 0, 0], attention_to_first: [1, 1, 0, 0] };
const found = (text) => matching(parse(text, NAMES), NUMBERS, [2, 2]).map(({ layer, head: at }) => `${layer}.${at}`).join(" ");
const refusal = (text) => {
  try {
    parse(text, NAMES);
  } catch ({ at, message }) {
    return [at, message];
  }
  return null;
};

test("comparisons join by and, or and not, or binding weaker than and", () => {
  assert.equal(found("induction > 0.4 and direct < 0"), "0.0");
  assert.equal(found("direct < -2 or direct > 0 and head = 1"), "0.1 1.0 1.1");
  assert.equal(found("not direct < 0"), "0.1 1.1");
  assert.equal(found("not (direct < 0 or head = 1)"), "");
  assert.deepEqual(matching(parse("layer >= 1 and head != 0", NAMES), NUMBERS, [2, 2]), [head(1, 1)]);
});

test("numbers are sums and products with parentheses and abs, comparisons may be chained", () => {
  assert.equal(found("abs(direct) >= 2"), "0.1 1.0");
  assert.equal(found("(direct + 1) * 2 = 0"), "0.0");
  assert.equal(found("-1.5 < direct <= 0.5"), "0.0 1.1");
  assert.equal(found("2 * abs(direct - 1) > 3 and (layer = 0)"), "0.0");
  assert.equal(found("direct ≤ −1"), "0.0 1.0");
});

test("a head whose number is not computed matches nothing, not even the contrary", () => {
  assert.equal(found("not induction > 0.4"), "1.0");
  assert.equal(found("induction != 0.5"), "0.1 1.0");
});

test("a query names the numbers that it needs", () => {
  assert.deepEqual(namesIn(parse("induction > 0 and abs(direct) > induction and layer < 3", NAMES)), ["induction", "direct"]);
});

test("refusals say where, what was expected, and which names there are", () => {
  assert.deepEqual(refusal("induction >"), [11, "the end where a name or a number was expected"]);
  assert.deepEqual(refusal("induction"), [9, "the end where a comparison (<, >, =) was expected"]);
  assert.deepEqual(refusal("(direct > 1"), [11, "the end where a closing parenthesis was expected"]);
  assert.deepEqual(refusal("direct > 1 direct"), [11, "“direct” where and, or, or the end was expected"]);
  assert.deepEqual(refusal("direct ? 1"), [7, "“?” means nothing here; use names, numbers, < > = and parentheses"]);
  assert.deepEqual(refusal("abs > 1"), [4, "“>” where “(” after abs was expected"]);
  const [at, text] = refusal("layer > 1 and induct > 2");
  assert.equal(at, 14);
  assert.match(text, /^there is no “induct”, did you mean induction; there are layer, head, direct, /);
  assert.equal(refusal("")[0], 0);
});

test("names are completed at the cursor, in the middle too, those that begin so before those that hold it", () => {
  assert.deepEqual(completion("ind", 3, NAMES), { from: 0, to: 3, options: ["induction"] });
  assert.deepEqual(completion("direct > 0 and fir", 18, NAMES).options, ["attention_to_first"]);
  assert.deepEqual(completion("zeXX > 0", 2, NAMES), { from: 0, to: 4, options: ["zero"] });
  assert.deepEqual(completion("direct > 0 ", 11, NAMES).options, []);
  assert.deepEqual(completion("a", 1, NAMES).options.slice(0, 3), ["attention_to_first", "and", "abs"]);
});

test("a number is offered by what the page calls it, too", () => {
  const labels = { estimate: "attribution patching", zero: "zero ablation" };
  assert.deepEqual(completion("attrib", 6, ["zero", "estimate"], labels).options, ["estimate"]);
});
