"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { rectangle, countOf, toggled, betweenTokens, union, outline, outlineOf, edgesText } = require("../../assets/10-edges.js");
const { headsOf, interventionsOf, tooMany, refusalOf, headsText, effectOf } = require("../../assets/63-cut-asked.js");
const { reduce } = require("../../assets/11-experiment.js");
const { MODEL, after, click, head } = require("./support.js");

const at = (y, x) => ({ y, x });

test("a rectangle has its queries and keys, without keys after their query, whichever corner comes first", () => {
  const expected = [[2, 1], [2, 2], [3, 1], [3, 2], [3, 3]];
  assert.deepEqual(rectangle(at(2, 1), at(3, 3), 6), expected);
  assert.deepEqual(rectangle(at(3, 3), at(2, 1), 6), expected);
  assert.deepEqual(rectangle(at(1, 3), at(2, 5), 6), []);
});

test("a rectangle ends where the prompt ends, and a header takes all of its row or column", () => {
  assert.deepEqual(rectangle(at(4, -3), at(9, 0), 6), [[4, 0], [5, 0]]);
  assert.deepEqual(rectangle(at(2, null), at(2, null), 6), [[2, 0], [2, 1], [2, 2]]);
  assert.deepEqual(rectangle(at(null, 4), at(null, 4), 6), [[4, 4], [5, 4]]);
});

test("a click marks a cell and another click unmarks it; a row of which some are marked is marked whole", () => {
  const one = toggled([], [[3, 1]]);
  assert.deepEqual(one, [[3, 1]]);
  assert.deepEqual(toggled(one, [[3, 1]]), []);
  assert.deepEqual(toggled(one, rectangle(at(3, null), at(3, null), 6)), [[3, 0], [3, 1], [3, 2], [3, 3]]);
  assert.deepEqual(toggled(one, []), one);
});

test("marked edges are sorted and there once, so that equal cuts are equal interventions", () => {
  assert.deepEqual(union([[3, 1], [2, 0]], [[3, 1], [3, 0]]), [[2, 0], [3, 0], [3, 1]]);
});

test("selected tokens are the last one as query and the others as its keys, in whichever order they were selected", () => {
  assert.deepEqual(betweenTokens([5, 2]), [[5, 2]]);
  assert.deepEqual(betweenTokens([1, 4, 3]), [[4, 1], [4, 3]]);
  assert.deepEqual(betweenTokens([2]), []);
});

test("the outline runs around what is marked and not between marked cells", () => {
  const sides = (edges) => outline(edges).split("M").filter(Boolean).sort();
  assert.equal(sides([[3, 1]]).length, 4);
  assert.deepEqual(sides([[3, 1], [3, 2]]), ["0.5,2.5H1.5", "0.5,3.5V2.5", "1.5,2.5H2.5", "1.5,3.5H0.5", "2.5,2.5V3.5", "2.5,3.5H1.5"]);
  assert.equal(outline([]), "");
});

/** The cells around whose middle an SVG path of H and V runs. */
function cellsInside(path, count) {
  let x = 0;
  const sides = []; // {x, from, to}: what goes up or down
  let y = 0;
  for (const [, step, given] of path.matchAll(/([MHV])([-\d.,]+)/g)) {
    if (step === "M") [x, y] = given.split(",").map(Number);
    if (step === "H") x = Number(given);
    if (step === "V") sides.push({ x, ends: [y, (y = Number(given))] });
  }
  const all = rectangle(at(0, 0), at(count - 1, count - 1), count);
  const between = ([one, other], dest) => (one > dest) !== (other > dest);
  return all.filter(([dest, src]) => sides.filter(({ x: at, ends }) => at > src && between(ends, dest)).length % 2);
}

test("a drag's outline and count, made of its corners alone, are those of the edges that it marks", () => {
  const ends = [null, -2, 0, 1, 3, 6, 9];
  const corners = ends.flatMap((y) => ends.map((x) => at(y, x)));
  for (const from of corners) {
    for (const to of corners) {
      const edges = rectangle(from, to, 7);
      assert.deepEqual(cellsInside(outlineOf(from, to, 7), 7), edges, JSON.stringify([from, to]));
      assert.equal(countOf(from, to, 7), edges.length);
    }
  }
});

test("a drag over a long matrix makes no list of its edges: two million are an outline of one step per row", () => {
  const [from, to] = [at(0, 0), at(2047, 2047)];
  assert.equal(countOf(from, to, 2048), (2048 * 2049) / 2);
  assert.equal(outlineOf(from, to, 2048).match(/H/g).length, 2048);
});

test("few edges are named, many are counted, with their queries and keys where these are all of them", () => {
  assert.equal(edgesText([[14, 4], [14, 2]]), "14→2 14→4");
  assert.equal(edgesText(rectangle(at(10, 2), at(13, 4), 20)), "12 edges 10-13→2-4");
  assert.equal(edgesText(rectangle(at(null, null), at(null, null), 4)), "10 edges 0-3→0-3");
  assert.equal(edgesText(rectangle(at(0, 0), at(4, 0), 5)), "5 edges 0-4→0");
  assert.equal(edgesText([...rectangle(at(10, 2), at(13, 4), 20), [20, 1]]), "13 edges 10→2 10→3 …");
  assert.equal(edgesText([[2000, 0], [2001, 0], [2001, 1], [2001, 2], [2047, 2000]]), "5 edges 2000→0 2001→0 …");
});

const cut = { value: 0.5, renormalise: true };

test("a cut is of all selected heads where there are several, one intervention per layer, else of the primary one", () => {
  const { selection } = after(click(2, 1), click(0, 2, true), click(2, 0, true)).session;
  const made = interventionsOf([[3, 1]], cut, selection);
  assert.deepEqual(made.map(({ layer, heads }) => [layer, heads]), [[0, [2]], [2, [0, 1]]]);
  assert.deepEqual(made[0], {
    layer: 0, heads: [2], edges: [[3, 1]], value: 0.5, renormalise: true, freeze: [], prompts: null, kind: "knock_out_edge",
  });
  assert.deepEqual(headsOf(after(click(1, 1)).session.selection), [head(1, 1)]);
  assert.deepEqual(interventionsOf([[3, 1]], cut, after().session.selection), []);
  assert.equal(headsText([head(9, 6)]), "L9H6");
  assert.equal(headsText([head(9, 6), head(9, 7), head(1, 0), head(2, 0)]), "L9H6, L9H7 + 2 more");
});

test("a cut in several layers joins the interventions in one step, shows the intervened run, and one undo takes it back", () => {
  const before = after(click(2, 1), click(0, 2, true));
  const interventions = interventionsOf([[3, 1]], cut, before.session.selection);
  const made = reduce(before, { type: "add-intervention", interventions }, MODEL);
  assert.deepEqual(made.session.experiment.interventions.map(({ on }) => on), [true, true]);
  assert.equal(made.session.view.show, "intervened");
  assert.deepEqual(reduce(made, { type: "undo" }, MODEL).session, before.session);
});

test("the effect is read on the logit difference, without answers on what there is", () => {
  const numbers = (logit_diff, probability, kl_divergence) => ({ logit_diff, probability, kl_divergence });
  const found = effectOf({ before: numbers(3.7213, 0.8, 0), after: numbers(1.1, 0.4, 0.2) });
  assert.deepEqual([found.values, found.change], ["LD +3.72 → +1.1", "−2.62"]);
  assert.match(found.said, /3\.7213 → 1\.1: -2\.62/);
  const answered = effectOf({ before: numbers(null, 0.8, 0), after: numbers(null, 0.4, 0.2) });
  assert.deepEqual([answered.values, answered.change], ["P 0.8 → 0.4", "−0.4"]);
  assert.equal(effectOf({ before: numbers(null, null, 0), after: numbers(null, null, 0.2) }).values, "KL 0 → 0.2");
});

test("a change is made of finite numbers alone", () => {
  const numbers = (logit_diff) => ({ logit_diff, probability: null, kl_divergence: null });
  assert.equal(effectOf({ before: numbers(3.7), after: numbers(null) }).values, "LD: no finite number");
  assert.equal(effectOf({ before: numbers(null), after: numbers(null) }).change, "");
});

test("as many edges go together as a link can hold, whatever the layers", () => {
  const layers = (count) => Array.from({ length: count }, (_, layer) => head(layer, 0));
  assert.equal(tooMany(4096, [head(1, 0), head(1, 1)]), null);
  assert.match(tooMany(4097, [head(1, 0)]), /^4097 edges are more than the 4096/);
  assert.equal(tooMany(409, layers(10)), null);
  assert.match(tooMany(410, layers(10)), /^410 edges in each of 10 layers are more/);
});

test("without a head, or without a number, nothing is tried and it is said why", () => {
  assert.match(refusalOf(0, { value: 0 }, []), /Select a head/);
  assert.match(refusalOf(2, { value: NaN }, [head(1, 0)]), /between 0 and 1/);
  assert.equal(refusalOf(2, { value: 0.5 }, [head(1, 0)]), null);
});
