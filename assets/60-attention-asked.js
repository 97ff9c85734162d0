/* What the attention panel shows, as the session asks for it, and how several heads become one matrix: pure.
 *
 * asked(...) -> {problem, of, heads, first, second, signed, title}: addresses of float32 maps, one of `first` per head;
 * `second` (one per head, or one for all) is taken away from them, head by head, before heads are put together.
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

  const mapAddress = ({ digest, minus }, { layer, head }) =>
    `attention/${digest}/${layer}/${head}.f32${minus ? `?minus=${minus}` : ""}`;

  const PAIR = { clean: "clean − corrupted", corrupted: "corrupted − clean" };

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

  /** session, digests of its run and of the pair's other prompt -> what to draw, or why nothing can be. */
  function asked(session, digests, other) {
    const run = shownRun(session, digests);
    const { view: { show, attention }, selection: { primary } } = session;
    if (!run || !primary || missingLayer(session, digests) !== null) return { problem: "" };
    const minus = show === "difference" ? null : attention.minus;
    const signed = show === "difference" || minus !== null;
    const of = signed && attention.of === "each" ? "max" : attention.of;
    const heads = headsOf(session, of, digests);
    const less = minus && SUBTRACTED[minus](session, run, heads, other, digests);
    if (less && less.problem !== undefined) return less;
    const end = less ? less.title : show === "difference" && of !== "primary" ? ", intervened − baseline" : "";
    return {
      problem: null, of, heads, signed, title: titleOf(of, heads, session, signed) + end,
      first: heads.map((head) => mapAddress(run, head)),
      second: less ? less.heads.map((head) => mapAddress(less.run, head)) : null,
    };
  }

  // ---- several maps, one matrix --------------------------------------------------------------------------------

  const less = (map, other) => map.map((value, at) => value - other[at]);

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

  root.microtome = root.microtome || {};
  root.microtome.attentionAsked = { shownRun, missingLayer, asked, combined };
  if (typeof module !== "undefined") module.exports = root.microtome.attentionAsked;
})(typeof window === "undefined" ? globalThis : window);
