/* Zooming into attention: Ctrl-drag a box on the map, or write which queries and keys (the key r goes there); a
 * double click shows all.
 *
 * What is zoomed into is part of the session and its link; nothing is computed for it and no callback hears of it. Labels
 * of the axes are thinned to what fits.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { isWhole, between, read, said, ticksOf } = microtome.attentionWindow;
  const { same } = microtome.state;
  const ACROSS = 22; // pixels of a label: slanted below, upright beside
  const DOWN = 13;
  const OFFERED = 64; // tokens from which on the fields are there without a zoom
  const HINT = "Ctrl-drag zooms";
  const SAID = "Drag a box with Ctrl held to zoom into it; a double click shows all";

  const host = () => document.getElementById("attention-zoom");
  const over = (event) => event.target.closest && event.target.closest("#attention .js-plotly-plot");

  // ---- axes ----------------------------------------------------------------------------------------------------

  function axisOf(gd, name, span, range, step) {
    const axis = gd._fullLayout[name];
    const there = axis.range[0] === range[0] && axis.range[1] === range[1];
    const { tickvals, ticktext } = ticksOf(span, microtome.tokenTexts(), axis._length, step);
    if (there && same(tickvals, [...(axis.tickvals || [])])) return {};
    return { [`${name}.range`]: range, [`${name}.tickvals`]: tickvals, [`${name}.ticktext`]: ticktext };
  }

  /** What Plotly lays out anew so that the axes show this window; nothing where they do. */
  microtome.attentionView = (gd, { rows, columns }) => {
    if (!columns[1]) return {}; // the tokens are not there yet
    return {
      ...axisOf(gd, "xaxis", columns, [columns[0] - 0.5, columns[1] - 0.5], ACROSS),
      ...axisOf(gd, "yaxis", rows, [rows[1] - 0.5, rows[0] - 0.5], DOWN),
    };
  };

  // ---- the box -------------------------------------------------------------------------------------------------

  let box = null; // {gd, from: event, element}

  /** The cell under the pointer, the nearest one outside the axes. */
  function cellAt(gd, { clientX, clientY }) {
    const { left, top } = gd.getBoundingClientRect();
    const { xaxis, yaxis } = gd._fullLayout;
    const inside = (pixel, axis) => Math.round(axis.p2d(Math.max(1, Math.min(axis._length - 1, pixel - axis._offset))));
    return { x: inside(clientX - left, xaxis), y: inside(clientY - top, yaxis) };
  }

  function begin(event) {
    const gd = (event.ctrlKey || event.metaKey) && event.button === 0 && over(event);
    const where = gd && microtome.graph("attention") === gd && microtome.hit(gd, event);
    if (!where || where.part !== "cells") return;
    const element = Object.assign(document.createElement("div"), { className: "mt-zoom-box" });
    document.body.append(element);
    box = { gd, from: event, element };
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function stretch(event) {
    if (!box) return;
    const { from, element } = box;
    const [left, top] = [Math.min(from.clientX, event.clientX), Math.min(from.clientY, event.clientY)];
    const [width, height] = [Math.abs(from.clientX - event.clientX), Math.abs(from.clientY - event.clientY)];
    Object.assign(element.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
  }

  function end(event) {
    if (!box) return;
    const { gd, from, element } = box;
    box = null;
    element.remove();
    if (Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) < 5) return;
    microtome.attention.zoom(between(cellAt(gd, from), cellAt(gd, event), microtome.attention.count()));
  }

  // ---- the fields ----------------------------------------------------------------------------------------------

  const FIELDS = { rows: "queries", columns: "keys" };

  function field(name) {
    const label = Object.assign(document.createElement("label"), { textContent: `${FIELDS[name]} ` });
    const input = Object.assign(document.createElement("input"), { type: "text", size: 9, onchange: written });
    input.dataset.span = name;
    label.append(input);
    return label;
  }

  function build() {
    const all = Object.assign(document.createElement("button"), { type: "button", textContent: "show all" });
    all.className = "mt-button";
    all.addEventListener("click", () => microtome.attention.zoom(null));
    const hint = Object.assign(document.createElement("span"), { textContent: HINT, title: SAID, className: "mt-quiet" });
    host().replaceChildren(...Object.keys(FIELDS).map(field), all, hint);
  }

  let called = false; // by the key: the fields stay for a short prompt, too

  /** The fields, and the focus in the first. */
  microtome.attention.writeZoom = () => {
    called = microtome.session().view.workspace === "attention";
    if (!called) return;
    draw();
    if (!host().hidden) inputs()[0].focus();
  };

  const inputs = () => [...host().querySelectorAll("input")];

  /** What cannot be a range of this prompt is marked and changes nothing. */
  function written() {
    const count = microtome.attention.count();
    const spans = Object.fromEntries(inputs().map((input) => [input.dataset.span, read(input.value, count)]));
    for (const input of inputs()) {
      const wrong = spans[input.dataset.span] === null;
      input.setAttribute("aria-invalid", String(wrong));
      input.title = wrong ? `Write two positions from 0 to ${count - 1}, the smaller first: 0–${count - 1}` : "";
    }
    if (spans.rows && spans.columns) microtome.attention.zoom(spans);
  }

  function draw() {
    const count = microtome.attention.count();
    if (!host() || !count) return;
    const place = microtome.attention.place();
    const zoomed = !isWhole(place, count);
    host().hidden = !zoomed && !called && count <= OFFERED;
    if (!host().firstChild) build();
    host().querySelector("button").disabled = !zoomed;
    for (const input of inputs()) {
      const text = said(place[input.dataset.span]);
      if (document.activeElement !== input && input.value !== text) {
        input.value = text;
        input.setAttribute("aria-invalid", "false");
      }
    }
  }

  microtome.attention.beside.push(draw);
  root.addEventListener("pointerdown", begin, true);
  root.addEventListener("pointermove", stretch, true);
  root.addEventListener("pointerup", end, true);
  document.addEventListener("dblclick", (event) => over(event) && microtome.attention.zoom(null));
})(window);
