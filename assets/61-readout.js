/* The exact attention under the pointer, `dest 14 ·to → src 3 ·Mary: 0.412`. A pointer reads what is there and asks the
 * server for nothing: assets/61-read-ahead.js fetches what it may come to. */
(function (root) {
  "use strict";

  const { shownToken } = typeof require === "undefined" ? root.microtome : require("./12-describe.js");
  const { headLabel } = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const minus = (text) => text.replace("-", "−");

  /** Three significant digits; differences carry their sign. */
  function spoken(value, signed) {
    if (!Number.isFinite(value)) return "not computed";
    const tiny = value !== 0 && Math.abs(value) < 0.001;
    const digits = tiny ? value.toExponential(2) : Number(value.toPrecision(3)).toString();
    return minus(signed && value > 0 ? `+${digits}` : digits);
  }

  const named = (position, tokens) => `${position} ${shownToken(tokens[position] || "")}`.trim();

  /** Attention of one cell of this window in words. Of several heads, the strongest one is named. */
  function readout({ values, rows, columns, signed, strongest, heads, unit }, dest, src, tokens) {
    if (dest < rows[0] || src < columns[0] || dest >= rows[1] || src >= columns[1]) return null;
    const at = (dest - rows[0]) * (columns[1] - columns[0]) + src - columns[0];
    const value = `${unit ? `${unit} ` : ""}${spoken(values[at], signed)}`;
    const whose = strongest ? ` (${headLabel(heads[strongest[at]])})` : "";
    return `dest ${named(dest, tokens)} → src ${named(src, tokens)}: ${value}${whose}`;
  }

  if (typeof module !== "undefined") module.exports = { spoken, readout };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  let tip = null;
  let pointer = null;

  function tooltip() {
    if (tip) return tip;
    tip = document.createElement("div");
    tip.className = "mt-readout-tip";
    tip.hidden = true;
    document.body.append(tip);
    return tip;
  }

  function hide() {
    pointer = null;
    tooltip().hidden = true;
  }

  function show(text, { clientX, clientY }) {
    const element = tooltip();
    element.textContent = text;
    element.hidden = false;
    const { width, height } = element.getBoundingClientRect();
    element.style.left = `${Math.min(clientX + 14, root.innerWidth - width - 8)}px`;
    element.style.top = `${Math.min(clientY + 16, root.innerHeight - height - 8)}px`;
  }

  let pending = false;

  function read() {
    pending = false;
    const event = pointer;
    const gd = microtome.graph("attention");
    const where = event && gd && microtome.attention.now() && microtome.hit(gd, event);
    if (!where || where.part !== "cells") return hide();
    const there = microtome.readAhead.at(where.y, where.x);
    const text = there && readout(there, where.y, where.x, microtome.tokenTexts());
    return show(text || microtome.readAhead.awaited(), event);
  }

  /** At most one reading per frame. */
  function moved(event) {
    const over = event.target.closest && event.target.closest("#attention .js-plotly-plot");
    if (!over && pointer) hide();
    if (!over) return;
    pointer = event;
    if (!pending) root.requestAnimationFrame(read);
    pending = true;
  }

  const readAgain = () => pointer && read();

  document.addEventListener("pointermove", moved);
  Object.assign(microtome, { tip: { show, hide }, spoken, readAgain });
})(typeof window === "undefined" ? globalThis : window);
