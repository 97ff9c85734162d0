// The page loads its scripts by name: each finds what it needs among those before it, without node's require.
"use strict";

const assert = require("node:assert/strict");
const { readdirSync, readFileSync } = require("node:fs");
const { join } = require("node:path");
const { test } = require("node:test");
const { createContext, runInContext } = require("node:vm");

const ASSETS = join(__dirname, "..", "..", "assets");

test("the pure scripts find each other in the order in which a page loads them", () => {
  const page = createContext({ TextEncoder, TextDecoder, btoa, atob, structuredClone });
  for (const name of readdirSync(ASSETS).filter((file) => /^[12].*\.js$/.test(file)).sort()) {
    assert.doesNotThrow(() => runInContext(readFileSync(join(ASSETS, name), "utf8"), page), name);
  }
  assert.deepEqual(runInContext("Object.keys(microtome.link).length > 0 && typeof microtome.reduce", page), "function");
});
