"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { session } = require("./support.js");
const { featuresAsked, featuresShown, featureChange } = require("../../assets/67-sae-features.js");

const OF = { folder: "/sae", fingerprint: "ab" };
const asking = (features, positions = []) => {
  const first = session();
  const residual = { ...first.residual, features: { ...first.residual.features, ...features } };
  return { ...first, residual, selection: { ...first.selection, positions } };
};

test("nothing is asked before a folder was read, and no folder is said as such", () => {
  assert.equal(featuresAsked(asking({})), null);
  assert.equal(featuresAsked(asking({ folder: "/sae" })), null);
  assert.deepEqual(featuresAsked(asking({ ...OF, feature: 7 })), { ...OF, feature: 7 });
  assert.equal(featuresShown(asking({})), "");
});

test("the selected token redraws the bars only where it ranks them", () => {
  assert.equal(featuresShown(asking(OF, [3])), "attribution");
  assert.equal(featuresShown(asking({ ...OF, by: "activation" }, [3, 5])), "activation 5");
});

test("ablating sets the feature to 0 where its autoencoder is, steering adds what it writes at its most active", () => {
  const card = { feature: 7, layer: 15, activation: "resid_post", written: 12.3456 };
  const direction = { kind: "sae_feature", ...OF, feature: 7, layer: 15, activation: "resid_post" };
  const site = { activation: "resid_post", layer: 15 };
  assert.deepEqual(featureChange("ablate", OF, card), { kind: "clamp_feature", site, direction, value: 0 });
  assert.deepEqual(featureChange("steer", OF, card), { kind: "steer", site, direction, strength: 12.3, unit: "absolute" });
});
