/* What the attention panel shows, as the session asks for it, and how several heads become one matrix: pure.
 *
 * asked(...) -> {problem, of, heads, first, second, by, weights, signed, unit, title}: addresses of float32 maps, one of
 * `first` per head; `second` (one per head, or one for all) is taken away from them, head by head, before heads are put
 * together. `weights` are addresses of what multiplies every key of `first` and `second` before that: one number per
 * source token (app/compute/attention_weights.py); attribution is that at the last token, so only its row is computed.
 * Heads together: their mean; the largest of them (of differences the one of largest magnitude, with its sign); or each
 * in its own colour, which is the largest and which head has it. app/figures/attention_reading.py does the same.
 */
(function (root) {
  "use strict";

  const { headLabel } = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");

  /** Which run is shown, and which is taken away from it. */
  function shownRun({ view: { show } }, digests) {
    const digest = digests && (show === "baseline" ? digests.baseline : digests.intervened);
    if (!digest || (show === "difference" && !digests.baseline)) return null;
    return { digest, minus: show === "difference" ? digests.baseline : null };
  }

  /** A long prompt has its patterns layer by layer: the layer of the primary head where it is not there yet. */
  function missingLayer({ selection: { primary } }, digests) {
    const layers = digests && digests.layers;
    return layers && primary && !layers.includes(primary.layer) ? primary.layer : null;
  }

  /** Digests of a long prompt's layers that have been there: of the same experiment they are shown again at once, where
   * nothing beside them is asked for that comes by layer as well. */
  function layerKeeper() {
    const kept = new Map();
    let of = null;
    function keep(digests) {
      const { layers = null, number = null } = digests || {};
      if (!layers || number !== of) kept.clear();
      of = number;
      for (const layer of layers || []) kept.set(layer, digests);
    }
    function shown({ selection: { primary }, view: { attention } }, digests) {
      const plain = attention.of === "primary" && !attention.minus && !attention.by;
      return (digests && digests.layers && plain && primary && kept.get(primary.layer)) || digests;
    }
    return { keep, shown };
  }

  const mapAddress = ({ digest, minus }, { layer, head }) =>
    `attention/${digest}/${layer}/${head}.f32${minus ? `?minus=${minus}` : ""}`;

  const PAIR = { clean: "clean − corrupted", corrupted: "corrupted − clean" };

  const UNITS = { value_norm: "|v|", output_norm: "|v·W_O|", attribution: "attribution" };
  const OF_ONE_RUN = "weighted attention is of one run: show Baseline or Intervened";
  const OF_ONE_PROMPT = "weighted attention is of one prompt: take no other prompt away";

  /** The run of the weights: {digest}, {problem}, or null where they have not come yet. */
  function weighing({ view: { show, attention } }, weights) {
    if (show === "difference") return { problem: OF_ONE_RUN };
    if (attention.minus === "corrupted") return { problem: OF_ONE_PROMPT };
    if (weights && weights.error) return { problem: weights.error };
    return shownRun({ view: { show } }, weights) || { problem: "" };
  }

  const weightAddress = ({ digest }, { layer, head }, by) => `attention/${digest}/weights/${layer}/${head}/${by}.f32`;

  /** What is taken away from every head: {run, heads, title}, {problem}, or null where nothing is. */
  const SUBTRACTED = {
    corrupted({ experiment, view }, run, heads, other) {
      if (experiment.prompt.corrupted == null) return { problem: "write a corrupted prompt to compare with" };
      if (other && other.error) return { problem: other.error };
      const found = shownRun({ view }, other);
      return found ? { run: found, heads, title: `, ${PAIR[experiment.base]}` } : { problem: "" };
    },
    pinned({ selection: { pinned } }, run, heads, other, digests) {
      if (!pinned) return { problem: "pin a head (p) to compare with" };
      if (digests.layers && !digests.layers.includes(pinned.layer)) {
        return { problem: `of this long prompt only layer ${digests.layers} is there: pin a head of it` };
      }
      return { run, heads: [pinned], title: ` − ${headLabel(pinned)} (pinned)` };
    },
  };

  function headsOf({ selection: { heads, primary } }, of, digests) {
    const chosen = of === "primary" ? [primary] : heads;
    return digests.layers ? chosen.filter(({ layer }) => digests.layers.includes(layer)) : chosen;
  }

  const WORDS = { mean: "mean", max: "max", each: "each" };

  function titleOf(of, heads, { selection }, signed) {
    if (of === "primary") return headLabel(heads[0]);
    const all = selection.heads.length;
    const count = heads.length === all ? all : `${heads.length} of ${all}`;
    return `${of === "max" && signed ? "strongest" : WORDS[of]} of ${count} heads`;
  }

  const minusOf = (session, run, heads, other, digests, minus) =>
    minus && SUBTRACTED[minus](session, run, heads, other, digests);

  function titled(what, end, by) {
    return `${what}${end}${by ? `, × ${UNITS[by]}${by === "attribution" ? " at the last token" : ""}` : ""}`;
  }

  /** session, digests of its run, and beside it of the pair's other prompt and of weights -> what to draw, or why
   * nothing can be. */
  function asked(session, digests, beside) {
    const { other, weights } = beside || {};
    const run = shownRun(session, digests);
    const { view: { show, attention }, selection: { primary } } = session;
    if (!run || !primary || missingLayer(session, digests) !== null) return { problem: "" };
    const minus = show === "difference" ? null : attention.minus;
    const { by } = attention;
    const weighed = by && weighing(session, weights);
    if (weighed && weighed.problem !== undefined) return weighed;
    const signed = show === "difference" || minus !== null || by === "attribution";
    const of = signed && attention.of === "each" ? "max" : attention.of;
    const heads = headsOf(session, of, digests);
    const less = minusOf(session, run, heads, other, digests, minus);
    if (less && less.problem !== undefined) return less;
    const end = less ? less.title : show === "difference" && of !== "primary" ? ", intervened − baseline" : "";
    return {
      problem: null, of, heads, signed, by, title: titled(titleOf(of, heads, session, signed), end, by),
      unit: by ? `${minus ? "Δ " : ""}attention × ${UNITS[by]}` : null,
      first: heads.map((head) => mapAddress(run, head)),
      second: less ? less.heads.map((head) => mapAddress(less.run, head)) : null,
      weights: weighed && [...heads, ...(less ? less.heads : [])].map((head) => weightAddress(weighed, head, by)),
    };
  }

  // ---- several maps, one matrix --------------------------------------------------------------------------------

  const less = (map, other) => map.map((value, at) => value - other[at]);

  /** Every column times the weight of its key; where `only` one row is computed (attribution), the others are NaN. */
  function weighted(map, weights, only = null) {
    const width = weights.length;
    if (map.length % width) throw new Error("attention and its weights are of prompts of other lengths");
    const there = (at) => only === null || Math.floor(at / width) === only;
    return map.map((value, at) => (there(at) ? value * weights[at % width] : NaN));
  }

  function meanOf(maps) {
    const values = new Float32Array(maps[0].length);
    for (let at = 0; at < values.length; at += 1) {
      let sum = 0;
      for (const map of maps) sum += map[at];
      values[at] = sum / maps.length;
    }
    return { values, strongest: null };
  }

  /** The largest of every cell, of signed ones by magnitude, and whose it is. */
  function strongestOf(maps, signed) {
    const values = Float32Array.from(maps[0]);
    const strongest = new Uint16Array(values.length);
    const size = signed ? Math.abs : (value) => value;
    maps.forEach((map, head) => {
      for (let at = 0; at < values.length; at += 1) {
        if (size(map[at]) <= size(values[at])) continue;
        values[at] = map[at];
        strongest[at] = head;
      }
    });
    return { values, strongest };
  }

  /** Maps of the heads, and what is taken away -> {values, strongest}; rows of `values` are dest_pos. */
  function combined(firsts, seconds, of, signed) {
    if (seconds && firsts.some((map) => map.length !== seconds[0].length)) throw new Error("prompts of other lengths");
    const maps = seconds ? firsts.map((map, at) => less(map, seconds[at % seconds.length])) : firsts;
    if (of === "primary") return { values: maps[0], strongest: null };
    return of === "mean" ? meanOf(maps) : strongestOf(maps, signed);
  }

  /** The largest magnitude that is computed; 1 where everything is zero. */
  function limitOf(values) {
    let most = 0;
    for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
    return most || 1;
  }

  root.microtome = root.microtome || {};
  root.microtome.attentionAsked = { shownRun, missingLayer, layerKeeper, asked, combined, weighted, limitOf };
  if (typeof module !== "undefined") module.exports = root.microtome.attentionAsked;
})(typeof window === "undefined" ? globalThis : window);
