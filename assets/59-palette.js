/* Numbers as pixels, as app/figures/attention_png.py colours them: pure, so that node tests it.
 *
 * Palette entry 0 is "not computed"; 1..255 run over 0..limit (sequential) or -limit..limit (signed, 128 = exactly 0).
 * A colour is one 32-bit number as ImageData has it in memory: alpha, blue, green, red.
 */
(function (root) {
  "use strict";

  const STEPS = 254;
  const OPAQUE = 0xff000000;

  const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const packed = ([red, green, blue]) => (OPAQUE | (blue << 16) | (green << 8) | red) >>> 0;
  const colourOf = (colour) => packed(channels(colour));

  /** Half to even, as numpy rounds. */
  function even(value) {
    const down = Math.floor(value);
    if (value - down !== 0.5) return Math.round(value);
    return down % 2 ? down + 1 : down;
  }

  /** Between evenly spaced anchors; at: 0..1. */
  function between(anchors, at) {
    const place = at * (anchors.length - 1);
    const first = Math.min(Math.floor(place), anchors.length - 2);
    return anchors[first].map((low, i) => even(low + (anchors[first + 1][i] - low) * (place - first)));
  }

  /** The 256 colours of a figure template. */
  function paletteOf({ layout }, signed) {
    const scale = layout.colorscale[signed ? "diverging" : "sequential"].map(([, colour]) => channels(colour));
    const colours = Array.from({ length: STEPS + 1 }, (_, i) => packed(between(scale, i / STEPS)));
    return Uint32Array.from([colourOf(layout.plot_bgcolor), ...colours]);
  }

  /** One number -> its palette entry. */
  function entry(value, limit, signed) {
    if (Number.isNaN(value)) return 0;
    const low = signed ? -limit : 0;
    return Math.min(STEPS + 1, Math.max(1, even(((value - low) / (limit - low)) * STEPS) + 1));
  }

  /** Colours of heads that are drawn together, by their place in the selection (app/figures/theme.py). */
  const HUES = {
    light: ["#0072b2", "#d55e00", "#009e73", "#b8528f", "#9a7b00", "#5a3fa0", "#8c3a2b", "#5c636e"],
    dark: ["#56b4e9", "#ff8c42", "#2fd6a5", "#f0a0cf", "#f0e442", "#b9a5ff", "#e0866f", "#b0b6c0"],
  };
  const LIMITS = { attention: 1, difference: 0.5 };

  const limitOf = (signed) => (signed ? LIMITS.difference : LIMITS.attention);

  /** Every value -> its colour; signed ones on the signed scale. */
  function allIn(values, template, signed, limit = limitOf(signed)) {
    const palette = paletteOf(template, signed);
    return Uint32Array.from(values, (value) => palette[entry(value, limit, signed)]);
  }

  /** Every value in the colour of its head, the stronger the larger: from the colour of 0 to the head's own at the
   * limit. */
  function eachIn(values, strongest, template, theme, limit = LIMITS.attention) {
    const zero = channels(template.layout.colorscale.sequential[0][1]);
    const hues = HUES[theme].map((colour) => [zero, channels(colour)]);
    return Uint32Array.from(values, (value, at) =>
      packed(between(hues[strongest[at] % hues.length], Math.min(1, Math.max(0, value / limit)))));
  }

  root.microtome = Object.assign(root.microtome || {}, { palette: { allIn, eachIn, limitOf, HUES, LIMITS, paletteOf, entry, channels, packed, colourOf } });
  if (typeof module !== "undefined") module.exports = root.microtome.palette;
})(typeof window === "undefined" ? globalThis : window);
