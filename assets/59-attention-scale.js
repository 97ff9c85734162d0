/* The colour bar of weighted attention, whose range is that of what is shown, as app/figures/scales.py writes it: pure. */
(function (root) {
  "use strict";

  const PARTS = 4;

  /** Three significant digits, with a sign where numbers have one. */
  function short(value, signed) {
    const digits = Number(value.toPrecision(3)).toString().replace("-", "−");
    return signed && value > 0 ? `+${digits}` : digits;
  }

  /** A limit, whether numbers have a sign, and what they are -> what Plotly lays out anew. */
  function scaleOf(limit, signed, unit) {
    const low = signed ? -limit : 0;
    const at = Array.from({ length: PARTS + 1 }, (_, part) => low + ((limit - low) * part) / PARTS);
    return {
      "coloraxis.cmin": low, "coloraxis.cmax": limit, "coloraxis.colorbar.title.text": unit,
      "coloraxis.colorbar.tickvals": at, "coloraxis.colorbar.ticktext": at.map((value) => short(value, signed)),
    };
  }

  root.microtome = root.microtome || {};
  root.microtome.attentionScale = { scaleOf };
  if (typeof module !== "undefined") module.exports = root.microtome.attentionScale;
})(typeof window === "undefined" ? globalThis : window);
