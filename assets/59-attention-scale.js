/* The colour bar of weighted attention, whose range is that of what is shown, as app/figures/scales.py writes it: pure. */
(function (root) {
  "use strict";

  const { ticks } = typeof require === "undefined" ? root.microtome.headFigure : require("./44-head-figure.js");

  /** A limit, whether numbers have a sign, and what they are -> what Plotly lays out anew. */
  function scaleOf(limit, signed, unit) {
    const { tickvals, ticktext } = ticks([], limit, signed);
    return {
      "coloraxis.cmin": signed ? -limit : 0, "coloraxis.cmax": limit, "coloraxis.colorbar.title.text": unit,
      "coloraxis.colorbar.tickvals": tickvals, "coloraxis.colorbar.ticktext": ticktext,
    };
  }

  /** Whether a figure has this range and these words already. */
  function hasScale({ coloraxis }, scale) {
    const title = coloraxis && coloraxis.colorbar && coloraxis.colorbar.title;
    return Boolean(coloraxis) && coloraxis.cmax === scale["coloraxis.cmax"] && coloraxis.cmin === scale["coloraxis.cmin"]
      && (title && title.text) === scale["coloraxis.colorbar.title.text"];
  }

  root.microtome = root.microtome || {};
  root.microtome.attentionScale = { scaleOf, hasScale };
  if (typeof module !== "undefined") module.exports = root.microtome.attentionScale;
})(typeof window === "undefined" ? globalThis : window);
