// What the script tests share: the assets as node modules, and one small session.
"use strict";

const { reduce, initial } = require("../../assets/11-experiment.js");

const state = require("../../assets/10-reduce.js");
const { FIRST_SWEEP } = require("../../assets/10-sweep.js");
const { FIRST_HEADS } = require("../../assets/10-shown-heads.js");
const { FIRST_RESIDUAL } = require("../../assets/10-directions.js");
const { FIRST_PLATE } = require("../../assets/10-plate.js");

const MODEL = { n_layers: 4, n_heads: 3, n_key_value_heads: 1, n_positions: 6 };
const PAIR = { clean: "a b c", corrupted: "a d c", answer: [" c"], incorrect_answer: [" d"] };
const pair = (clean, corrupted = `${clean}!`) => ({ ...PAIR, clean, corrupted });

function session() {
  return {
    experiment: {
      model: {
        source: "listed", name: "tiny", revision: null, processing: "compatibility", dtype: "float32",
        prepend_bos: true,
      },
      prompt: { ...PAIR },
      interventions: [],
      prompts: [],
      base: "clean",
    },
    selection: { heads: [], primary: null, pinned: null, positions: [], layers: [], prompt: 0, prompts: [], neuron: null },
    view: {
      workspace: "look", section: "lens", show: "baseline", generation: { ...state.FIRST_GENERATION },
      attention: { ...state.FIRST_ATTENTION },
    },
    sweep: structuredClone(FIRST_SWEEP),
    heads: structuredClone(FIRST_HEADS),
    notes: [],
    directions: [],
    residual: structuredClone(FIRST_RESIDUAL),
    zoom: null,
    plate: structuredClone(FIRST_PLATE),
  };
}

const opened = () => initial(session(), MODEL);
const after = (...actions) => actions.reduce((state, action) => reduce(state, action, MODEL), opened());
const head = (layer, index) => ({ layer, head: index });
const click = (layer, index, add = false) => ({ type: "click-head", layer, head: index, add });

module.exports = { MODEL, PAIR, pair, session, opened, after, head, click, reduce, initial };
