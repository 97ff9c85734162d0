// What attention is zoomed into: a part of the session and its link, of one prompt.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { MODEL, PAIR, after, session, reduce, initial } = require("./support.js");
const { encode, decode } = require("../../assets/20-link.js");

const ZOOM = { rows: [2, 5], columns: [0, 3] };
const zoom = (place) => ({ type: "set-zoom", zoom: place });

test("what is zoomed into is in the link, and is no step of undo", () => {
  const zoomed = after(zoom(ZOOM));
  assert.deepEqual(zoomed.session.zoom, ZOOM);
  assert.deepEqual(zoomed.past, []);
  assert.deepEqual(decode(encode(zoomed.session)).session.zoom, ZOOM);
  assert.equal(after(zoom(ZOOM), zoom(null)).session.zoom, null);
});

test("links from before have no zoom, and a zoom that is none says so", () => {
  const { zoom: none, ...older } = session();
  assert.equal(decode(encode(older)).session.zoom, none);
  for (const wrong of [{ rows: [3, 3], columns: [0, 1] }, { rows: [0, 1] }, 7]) {
    assert.match(decode(encode({ ...older, zoom: wrong })).reason, /zoom/);
  }
});

test("what does not lie in the prompt shows all cells, as soon as its length is known", () => {
  const beyond = { ...session(), zoom: { rows: [2, 9], columns: [0, 3] } };
  const unknown = initial(beyond, { ...MODEL, n_positions: null });
  assert.deepEqual(unknown.session.zoom, beyond.zoom);
  assert.equal(reduce(unknown, { type: "clamp" }, MODEL).session.zoom, null);
  assert.equal(after(zoom(beyond.zoom)).session.zoom, null);
});

test("another prompt is shown whole, another head and another run as they were", () => {
  const zoomed = after(zoom(ZOOM), { type: "click-head", layer: 1, head: 1 });
  assert.deepEqual(zoomed.session.zoom, ZOOM);
  const { model } = zoomed.session.experiment;
  const other = { type: "set-experiment", experiment: { model, prompt: { ...PAIR, clean: "x y z" } } };
  const next = reduce(zoomed, other, MODEL);
  assert.equal(next.session.zoom, null);
  assert.equal(reduce(next, { type: "undo" }, MODEL).session.zoom, null);
});
