"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { after, click } = require("./support.js");
const { directionAsked, panelAsked } = require("../../assets/69-direction-panels.js");

const open = { type: "set-view", workspace: "residual", section: "direction" };
const add = { type: "add-direction", name: "Mary", direction: { kind: "random", seed: 1 } };

test("nothing is asked of a direction while another section is on screen", () => {
  assert.equal(directionAsked(after(add).session), null);
});

test("heads and other sections' choices ask nothing, layers, tokens and the direction do", () => {
  const asked = directionAsked(after(add, open).session);
  const lens = { type: "show-residual", lens: { colour: "entropy" } };
  assert.deepEqual(directionAsked(after(add, open, click(1, 1), lens).session), asked);
  assert.equal(asked.chosen.name, "Mary");
  const moved = directionAsked(after(add, open, { type: "click-position", position: 2 }).session);
  assert.deepEqual(moved.positions, [2]);
});

test("each panel asks anew for what it shows alone", () => {
  const before = after(add, open);
  const token = { type: "click-position", position: 2 };
  const moved = ["projection", "writers", "readers", "distribution", "direction-card"].filter((panel) => {
    const [one, other] = [before.session, after(add, open, token).session].map(panelAsked(panel));
    return JSON.stringify(one) !== JSON.stringify(other);
  });
  assert.deepEqual(moved, ["writers", "distribution"]);
  assert.equal(panelAsked("readers")(after(add).session), null);
});
