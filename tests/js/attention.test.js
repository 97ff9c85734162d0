"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { addressesOf, missingLayer, neighbours, fitting } = require("../../assets/60-attention.js");
const { keeper } = require("../../assets/60-attention-numbers.js");
const { spoken, readout } = require("../../assets/61-readout.js");
const { MODEL, after, click, head } = require("./support.js");

const DIGESTS = { baseline: "aa", intervened: "bb", error: null };
const showing = (show) => {
  const session = structuredClone(after(click(1, 2)).session);
  session.view.show = show;
  return session;
};

test("every run has its own unchanging address, and a difference names both", () => {
  assert.deepEqual(addressesOf(showing("baseline"), DIGESTS, "light"), {
    picture: "attention/aa/1/2.png?theme=light", numbers: "attention/aa/1/2.f32",
  });
  assert.equal(addressesOf(showing("intervened"), DIGESTS, "dark").picture, "attention/bb/1/2.png?theme=dark");
  assert.deepEqual(addressesOf(showing("difference"), DIGESTS, "light"), {
    picture: "attention/bb/1/2.png?theme=light&minus=aa", numbers: "attention/bb/1/2.f32?minus=aa",
  });
});

test("there is no address without a head, a result or the run that is asked for", () => {
  assert.equal(addressesOf(after().session, DIGESTS, "light"), null);
  assert.equal(addressesOf(showing("baseline"), null, "light"), null);
  assert.equal(addressesOf(showing("intervened"), { ...DIGESTS, intervened: null }, "light"), null);
});

test("neighbours are the heads that an arrow key leads to", () => {
  assert.deepEqual(neighbours(head(0, 0), MODEL), [head(0, 1), head(1, 0)]);
  assert.equal(neighbours(head(1, 1), MODEL).length, 4);
  assert.deepEqual(neighbours(head(0, 0), { n_layers: null, n_heads: null }), []);
});

test("what was fetched is kept until others are used more, and failures are tried again", async () => {
  const made = [];
  const keep = keeper(async (key) => {
    made.push(key);
    if (key === "bad") throw new Error("away");
    return key;
  }, 2);
  for (const key of ["a", "b", "a", "c", "a", "b"]) await keep(key);
  assert.deepEqual(made, ["a", "b", "c", "b"]);
  await assert.rejects(keep("bad"));
  await assert.rejects(keep("bad"));
  assert.deepEqual(made.slice(4), ["bad", "bad"]);
});

test("the cell under the pointer is read out as dest and src with three digits", () => {
  const read = { values: new Float32Array([1, 0, 0.41234, 0.58766]), rows: [0, 2], columns: [0, 2], signed: false };
  assert.equal(readout(read, 1, 0, ["bos", " to"]), "dest 1 ·to → src 0 bos: 0.412");
  assert.equal(readout(read, 0, 2, ["bos", " to"]), null);
  const tile = { ...read, rows: [4, 6], columns: [2, 4] };
  assert.equal(readout(tile, 5, 2, ["a", "b", "c", "d", "e", " f"]), "dest 5 ·f → src 2 c: 0.412");
  assert.equal(readout(tile, 1, 0, []), null);
});

test("differences carry their sign, small numbers their exponent, missing ones say so", () => {
  assert.deepEqual([spoken(0.25, true), spoken(-0.25, true), spoken(0, true)], ["+0.25", "−0.25", "0"]);
  assert.equal(spoken(0.000012345, false), "1.23e−5");
  assert.equal(spoken(NaN, false), "not computed");
});

test("a long prompt has one layer at a time: the missing one is named, and nothing is drawn meanwhile", () => {
  const here = { ...DIGESTS, layers: [1] };
  const elsewhere = { ...DIGESTS, layers: [0] };
  assert.equal(missingLayer(showing("baseline"), here), null);
  assert.equal(missingLayer(showing("baseline"), DIGESTS), null);
  assert.equal(missingLayer(showing("baseline"), elsewhere), 1);
  assert.equal(addressesOf(showing("baseline"), elsewhere, "light"), null);
});
