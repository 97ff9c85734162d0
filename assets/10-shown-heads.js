/* Which numbers of the heads are shown: app.domain.heads_asked.HeadsAsked as JSON. Pure steps of the reducer.
 *
 * quantity: what colours the matrix; beside: a second matrix, or null; x and y: the axes of the scatter, each
 * {quantity, show}, show null being the run that the page shows; scatter: whether it stands in the place of the maps.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const QUANTITIES = [
    "direct", "projection", "along", "zero", "mean", "resample", "denoising", "noising", "value_patching", "pattern_patching", "estimate",
    "entropy", "normalised_entropy", "attention_to_first", "attention_to_self", "mean_distance", "output_norm",
    "previous_token", "duplicate_token", "induction", "prefix_matching", "copying", "copying_full",
  ]; // app.domain.head_choices.CHOICES
  const FIRST_HEADS = Object.freeze({
    quantity: "direct", beside: null, one_scale: true,
    x: Object.freeze({ quantity: "direct", show: null }), y: Object.freeze({ quantity: "zero", show: null }),
    scatter: false,
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
    scatter: (value) => typeof value === "boolean",
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

  // ---- one map, two maps, a scatter ------------------------------------------------------------------------------

  const drawnAs = ({ scatter, beside }) => (scatter ? "scatter" : beside === null ? "map" : "maps");

  const ofBase = (unit) => unit.replaceAll("Δ ", "");

  /** Whether two numbers, rows of app.domain.head_choices, can have one scale: as app/figures/head_maps.py has it. A
   * logit difference and an effect on it are both in logits; a difference of two runs has a sign, whatever it is of. */
  function sharesScale(one, other, show) {
    if (!one || !other) return false;
    const [first, second] = [one, other].map(({ signed, alone }) => signed || (show === "difference" && !alone));
    return ofBase(one.unit) === ofBase(other.unit) && first === second;
  }

  /** The fields that draw it so; a second map begins with what a first look has besides. */
  function drawing(drawn, { quantity, beside }) {
    if (drawn === "scatter") return { scatter: true };
    if (drawn === "map") return { scatter: false, beside: null };
    return { scatter: false, beside: beside || (quantity === "zero" ? "direct" : "zero") };
  }

  /** [[quantity, run], ...] on screen, as callbacks/numbers_of_heads.py has it. `alone` says which are of the model
   * alone, and have one run. */
  function numbersShown(heads, show, alone) {
    const { quantity, beside, x, y } = heads;
    const axes = { map: [{ quantity }], maps: [{ quantity }, { quantity: beside }], scatter: [y, x] }[drawnAs(heads)];
    return axes.map((each) => [each.quantity, alone(each.quantity) ? "baseline" : each.show || show]);
  }

  /** What arguments are made of: name, what is across, what is up. `changed` is of one number, before and after. */
  const PRESETS = [
    { name: "total", label: "Direct vs total", x: "direct", y: "zero" },
    { name: "value-pattern", label: "Value vs pattern", x: "value_patching", y: "pattern_patching" },
    { name: "estimate", label: "Estimate vs exact", x: "estimate", y: "denoising" },
    { name: "changed", label: "Before vs after" },
    { name: "sufficient", label: "Sufficient vs necessary", x: "denoising", y: "noising" },
    { name: "mean", label: "Zero vs mean", x: "zero", y: "mean" },
    { name: "induction", label: "Induction vs direct", x: "induction", y: "direct" },
    { name: "copying", label: "Copying vs direct", x: "copying", y: "direct" },
  ];
  const now = (quantity) => ({ quantity, show: null });

  /** The axes of a preset. */
  function presetAxes(name, { y }, alone) {
    const preset = PRESETS.find((each) => each.name === name);
    if (!preset) return {};
    if (preset.x) return { x: now(preset.x), y: now(preset.y) };
    const quantity = alone(y.quantity) ? "direct" : y.quantity; // of the model alone there is no after
    return { x: { quantity, show: "baseline" }, y: { quantity, show: "intervened" } };
  }

  /** The preset that these axes are, null where they are nobody's. */
  function presetOf(heads, alone) {
    const { x, y } = heads;
    const found = PRESETS.find(({ name }) => state.same(presetAxes(name, heads, alone), { x, y }));
    return found ? found.name : null;
  }

  root.microtome.heads = {
    drawnAs, drawing, sharesScale, numbersShown, PRESETS, presetAxes, presetOf, QUANTITIES, FIRST_HEADS, FIELDS, completeHeads,
    SHOWING: { "show-heads": showHeads },
  };
  if (typeof module !== "undefined") module.exports = root.microtome.heads;
})(typeof window === "undefined" ? globalThis : window);
