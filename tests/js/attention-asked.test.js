"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { asked, combined, layerKeeper, limitOf, weighted } = require("../../assets/60-attention-asked.js");
const { hasScale, scaleOf } = require("../../assets/59-attention-scale.js");
const { around, sides, brief, between } = require("../../assets/62-attention-text.js");
const { eachIn, colourOf, HUES } = require("../../assets/59-palette.js");
const { MODEL, after, click, head, reduce } = require("./support.js");

const DIGESTS = { baseline: "aa", intervened: "bb", error: null };
const OTHER = { baseline: "cc", intervened: "dd", error: null };
const seen = (attention) => ({ type: "set-view", attention });
const TWO = [click(1, 2), click(0, 1, true)];
const session = (...actions) => after(...TWO, ...actions).session;
const maps = (...rows) => rows.map((row) => Float32Array.from(row));
const near = (found, expected) => found.forEach((value, at) => assert.ok(Math.abs(value - expected[at]) < 1e-6));

test("the primary head is read alone until several are asked for together", () => {
  assert.deepEqual(asked(session(), DIGESTS, null), {
    problem: null, of: "primary", heads: [head(0, 1)], signed: false, by: null, title: "L0H1", unit: null,
    first: ["attention/aa/0/1.f32"], second: null, weights: null,
  });
  const both = asked(session(seen({ of: "mean" })), DIGESTS, null);
  assert.deepEqual(both.first, ["attention/aa/1/2.f32", "attention/aa/0/1.f32"]);
  assert.equal(both.title, "mean of 2 heads");
});

test("the title says what is taken away from what", () => {
  const pinned = asked(session({ type: "pin" }, click(1, 2), seen({ minus: "pinned" })), DIGESTS, null);
  assert.equal(pinned.title, "L1H2 − L0H1 (pinned)");
  assert.deepEqual(pinned.second, ["attention/aa/0/1.f32"]);
  const prompts = asked(session(seen({ of: "max", minus: "corrupted" })), DIGESTS, { other: OTHER });
  assert.equal(prompts.title, "strongest of 2 heads, clean − corrupted");
  assert.deepEqual(prompts.second, ["attention/cc/1/2.f32", "attention/cc/0/1.f32"]);
});

test("what is missing for a difference is said, and nothing is drawn meanwhile", () => {
  assert.match(asked(session(seen({ minus: "pinned" })), DIGESTS, null).problem, /pin a head/);
  const refused = { baseline: null, intervened: null, error: "15 and 16 tokens" };
  assert.equal(asked(session(seen({ minus: "corrupted" })), DIGESTS, { other: refused }).problem, "15 and 16 tokens");
  assert.equal(asked(session(seen({ minus: "corrupted" })), DIGESTS, null).problem, "");
});

test("a difference of runs takes nothing else away, and has no colours of heads", () => {
  const now = structuredClone(session(seen({ of: "each", minus: "pinned" })));
  now.view.show = "difference";
  const found = asked(now, DIGESTS, null);
  assert.deepEqual([found.of, found.second, found.signed], ["max", null, true]);
  assert.equal(found.first[0], "attention/bb/1/2.f32?minus=aa");
});

test("of a long prompt only heads of its layer go together, and the title says so", () => {
  const found = asked(session(seen({ of: "mean" })), { ...DIGESTS, layers: [0] }, null);
  assert.deepEqual(found.heads, [head(0, 1)]);
  assert.equal(found.title, "mean of 1 of 2 heads");
});

test("heads together are the mean, or the largest and whose it is", () => {
  const two = maps([1, 0.2], [0.5, 0.8]);
  near(combined(two, null, "mean", false).values, [0.75, 0.5]);
  const most = combined(two, null, "each", false);
  near(most.values, [1, 0.8]);
  assert.deepEqual([...most.strongest], [0, 1]);
});

test("what is taken away is taken from every head first, and the strongest difference keeps its sign", () => {
  const found = combined(maps([0.5, 0.5], [0.4, 1]), maps([0.9, 0.4]), "max", true);
  near(found.values, [-0.5, 0.6]);
  assert.throws(() => combined(maps([1]), maps([1, 2]), "primary", true), /lengths/);
});

test("a head in its own colour runs from the colour of zero to that colour at 1", () => {
  const template = { layout: { colorscale: { sequential: [[0, "#ffffff"], [1, "#000000"]] } } };
  const drawn = eachIn(Float32Array.from([0, 1, 1]), Uint16Array.from([0, 1, 8]), template, "light");
  assert.deepEqual([...drawn], ["#ffffff", HUES.light[1], HUES.light[0]].map(colourOf));
});

test("around a token: what it looks at lies before it, who looks at it behind it", () => {
  const values = Float32Array.from([1, 0, 0, 0.75, 0.25, 0, 0.5, 0.125, 0.375]);
  const found = around(values, 1);
  assert.deepEqual([[...found.src], [...found.dest]], [[0.75, 0.25, 0], [0, 0.25, 0.125]]);
  assert.deepEqual(sides(found).map(({ side, value }) => [side, value]), [["src", 0.75], ["src", 0.25], ["dest", 0.125]]);
  const words = between(found, 1, 2, ["a", " b", "c"], { signed: false });
  assert.equal(words, "1 ·b looks at 2 c: 0\n2 c looks at 1 ·b: 0.125");
});

test("numbers under tokens have two digits, differences a sign, and next to nothing is not written", () => {
  assert.deepEqual([brief(0.412, false), brief(0.001, false), brief(1, false)], [".41", "", "1.00"]);
  assert.deepEqual([brief(0.2, true), brief(-0.2, true), brief(NaN, true)], ["+.20", "−.20", ""]);
});

test("how attention is shown belongs to the session, with undo, and takes only what exists", () => {
  const now = after(...TWO, seen({ of: "mean" }), seen({ of: "median", minus: "pinned", other: 1 }));
  assert.deepEqual(now.session.view.attention, { of: "mean", minus: "pinned", by: null });
  const back = reduce(now, { type: "undo" }, MODEL);
  assert.deepEqual(back.session.view.attention, { of: "mean", minus: null, by: null });
});

const WEIGHTS = { weights: { baseline: "ww", intervened: "vv", error: null } };

test("weighted attention names the weights of every head, also of the one that is taken away", () => {
  const found = asked(session(seen({ by: "value_norm" })), DIGESTS, WEIGHTS);
  assert.deepEqual(found.weights, ["attention/ww/weights/0/1/value_norm.f32"]);
  assert.deepEqual([found.signed, found.title, found.unit], [false, "L0H1, × |v|", "attention × |v|"]);
  const pinned = asked(session({ type: "pin" }, click(1, 2), seen({ minus: "pinned", by: "output_norm" })), DIGESTS, WEIGHTS);
  assert.deepEqual(pinned.weights, ["attention/ww/weights/1/2/output_norm.f32", "attention/ww/weights/0/1/output_norm.f32"]);
  assert.equal(pinned.unit, "Δ attention × |v·W_O|");
  assert.equal(asked(session(seen({ by: "attribution", of: "each" })), DIGESTS, WEIGHTS).of, "max");
});

test("weights that are not there, of another run or of another prompt, are a reason and no picture", () => {
  const by = (more, beside) => asked(session(seen({ by: "value_norm", ...more })), DIGESTS, beside).problem;
  assert.equal(by({}, null), "");
  assert.equal(by({}, { weights: { baseline: null, intervened: null, error: "name both answers" } }), "name both answers");
  assert.match(by({ minus: "corrupted" }, WEIGHTS), /one prompt/);
  const difference = structuredClone(session(seen({ by: "value_norm" })));
  difference.view.show = "difference";
  assert.match(asked(difference, DIGESTS, WEIGHTS).problem, /one run/);
});

test("every key's column is multiplied, and of attribution the last row alone is there", () => {
  const map = Float32Array.from([1, 0, 0.25, 0.75]);
  near(weighted(map, [2, 4]), [2, 0, 0.5, 3]);
  const atEnd = weighted(map, [2, -4], 1);
  assert.deepEqual([...atEnd], [NaN, NaN, 0.5, -3]);
  assert.ok([...weighted(map, [2, -4], 5)].every(Number.isNaN)); // a window without the last token
  assert.equal(limitOf(atEnd), 3);
  assert.equal(limitOf(Float32Array.from([0, NaN])), 1);
});

test("the colour bar of weighted attention says its own limit", () => {
  const signed = scaleOf(2, true, "attention × attribution");
  assert.deepEqual(signed["coloraxis.colorbar.ticktext"], ["−2.00", "−1.00", "0\u2003", "+1.00", "+2.00"]);
  assert.deepEqual([signed["coloraxis.cmin"], signed["coloraxis.cmax"]], [-2, 2]);
  assert.deepEqual(scaleOf(0.5, false, "")["coloraxis.colorbar.ticktext"], ["0", "0.125", "0.25", "0.375", "0.5"]);
});

test("under tokens large numbers have fewer decimals, and what is small beside the limit is not written", () => {
  assert.deepEqual([brief(3.456, false, 4), brief(34.56, false, 40), brief(345.6, true, 400)], ["3.46", "34.6", "+346"]);
  assert.deepEqual([brief(0.02, false, 10), brief(-0.0031, true, 0.01)], ["", "−.003"]);
  const one = { src: [NaN, NaN], dest: [NaN, 0.5] };
  assert.equal(between(one, 0, 1, ["a", "b"], { signed: true, unit: "attention × attribution" }),
    "1 b looks at 0 a: attention × attribution +0.5");
});

test("a figure is laid out anew where its range or its words are another matrix's", () => {
  const layout = { coloraxis: { cmin: 0, cmax: 1, colorbar: { title: { text: "attention" } } } };
  assert.ok(hasScale(layout, scaleOf(1, false, "attention")));
  assert.ok(!hasScale(layout, scaleOf(1, false, "attention × |v|")));
  assert.ok(!hasScale(layout, scaleOf(0.9, false, "attention")));
  assert.ok(!hasScale({}, scaleOf(1, false, "attention")));
});

test("weights of a prompt of another length are refused", () => {
  assert.throws(() => weighted(Float32Array.from([1, 0, 0.25, 0.75]), [1, 2, 3]), /other lengths/);
});

test("a layer of a long prompt that was there is shown again at once, while the experiment is the same", () => {
  const layers = layerKeeper();
  const [zero, one] = [0, 1].map((layer) => ({ ...DIGESTS, baseline: `of${layer}`, layers: [layer], number: 3 }));
  const shown = (latest, ...actions) => layers.shown(session(...actions), latest).baseline;
  [zero, one].forEach(layers.keep);
  assert.equal(shown(one), "of0");
  assert.equal(shown(one, click(1, 2)), "of1");
  assert.equal(shown(one, seen({ by: "value_norm" })), "of1"); // weights come by layer as well
  layers.keep({ ...one, number: 4 });
  assert.equal(shown({ ...one, number: 4 }), "of1");
  layers.keep(DIGESTS);
  assert.equal(shown(DIGESTS), "aa");
});
