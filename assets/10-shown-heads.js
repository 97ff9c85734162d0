/* Which numbers of the heads are shown: app.domain.heads_asked.HeadsAsked as JSON. Pure steps of the reducer.
 *
 * quantity: what colours the matrix; beside: a second matrix, or null; x and y: the axes of the scatter, each
 * {quantity, show}, show null being the run that the page shows.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const QUANTITIES = [
    "direct", "projection", "zero", "mean", "resample", "denoising", "noising", "value_patching", "pattern_patching", "estimate",
    "entropy", "normalised_entropy", "attention_to_first", "attention_to_self", "mean_distance", "output_norm",
    "previous_token", "duplicate_token", "induction", "prefix_matching", "copying", "copying_full",
  ]; // app.domain.head_choices.CHOICES
  const FIRST_HEADS = Object.freeze({
    quantity: "direct", beside: null, one_scale: true,
    x: Object.freeze({ quantity: "direct", show: null }), y: Object.freeze({ quantity: "zero", show: null }),
  });

  const isQuantity = (value) => QUANTITIES.includes(value);
  const isShow = (value) => value == null || state.SHOWS.includes(value);
  const isAxis = (value) =>
    typeof value === "object" && value !== null && isQuantity(value.quantity) && isShow(value.show);
  const FIELDS = {
    quantity: isQuantity,
    beside: (value) => value === null || isQuantity(value),
    one_scale: (value) => typeof value === "boolean",
    x: isAxis,
    y: isAxis,
  };

  const known = (given) =>
    Object.fromEntries(Object.entries(given || {}).filter(([name, value]) => FIELDS[name] && FIELDS[name](value)));

  const axis = ({ quantity, show = null }) => ({ quantity, show });

  /** Fewer keys than the whole, or wrong ones, are filled in. */
  function completeHeads(given) {
    const heads = { ...FIRST_HEADS, ...known(given) };
    return { ...heads, x: axis(heads.x), y: axis(heads.y) };
  }

  /** Fields by name; what cannot stand there is left out. */
  function showHeads(session, { type, ...given }) {
    return { ...session, heads: completeHeads({ ...session.heads, ...known(given) }) };
  }

  root.microtome.heads = { QUANTITIES, FIRST_HEADS, FIELDS, completeHeads, SHOWING: { "show-heads": showHeads } };
  if (typeof module !== "undefined") module.exports = root.microtome.heads;
})(typeof window === "undefined" ? globalThis : window);
