/* The head matrix drawn from numbers: pure, so that node tests it against the server's figure.
 *
 * The same cells, colour range, hover and title of the colour bar as app/figures/head_matrix.py and scales.py. A choice
 * is one row of app.domain.head_choices.described(); values are [layer head] of one prompt, row by row.
 */
(function (root) {
  "use strict";

  const NOT_COMPUTED = "not computed";
  const minus = (text) => text.replaceAll("-", "−");

  // ---- numbers in words ----------------------------------------------------------------------------------------

  /** `1e-5` -> `1e-05`, as Python writes it. */
  const exponent = (text) => text.replace(/e([+-])(\d)$/, "e$10$2");

  /** Significant digits as Python's %g takes them: positional from 1e-4 on, below 10^digits. */
  function general(value, digits, keepZeros) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e").map((part, at) => (at ? Number(part) : part));
    if (power >= -4 && power < digits) {
      const fixed = value.toFixed(digits - 1 - power);
      return keepZeros || !fixed.includes(".") ? fixed : fixed.replace(/\.?0+$/, "");
    }
    const kept = keepZeros ? mantissa : mantissa.replace(/\.?0+$/, "");
    return exponent(`${kept}e${power < 0 ? "-" : "+"}${Math.abs(power)}`);
  }

  /** Three significant digits with a true minus sign: `+2.57`, `−0.0312`, `0`. */
  function short(value, signed = true) {
    if (Number.isNaN(value)) return NOT_COMPUTED;
    if (value === 0) return "0";
    const size = Math.abs(value);
    const plain = size >= 1000 && size < 1e6 ? value.toFixed(0) : general(value, 3, true);
    return (signed && value > 0 ? "+" : "") + minus(plain);
  }

  /** The shortest text that names this float32 exactly, with sign. */
  function spoken(value, signed = true) {
    if (Number.isNaN(value)) return NOT_COMPUTED;
    let text = "";
    for (let digits = 1; digits <= 9 && (!text || Math.fround(Number(text)) !== value); digits += 1) {
      text = value.toPrecision(digits);
    }
    return (signed && value > 0 ? "+" : "") + minus(plainly(Number(text)));
  }

  /** As NumPy writes a shortest decimal: `2.0`, `1e-05`. */
  function plainly(value) {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e16)) return exponent(value.toExponential());
    const text = String(value);
    return text.includes("e") ? value.toFixed(12).replace(/0+$/, "") : text.includes(".") ? text : `${text}.0`;
  }

  // ---- colours -------------------------------------------------------------------------------------------------

  /** Largest finite magnitude, 1 where everything is zero or not computed. */
  function limitOf(values) {
    let most = 0;
    for (const value of values) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value));
    return most || 1;
  }

  const spaced = (from, to) => [0, 1, 2, 3, 4].map((at) => from + (at * (to - from)) / 4);

  /** Five ticks; the ends say where values lie beyond them. */
  function ticks(values, top, signed) {
    const tickvals = spaced(signed ? -top : 0, top);
    const ticktext = tickvals.map((value) => (signed ? short(value) : general0(value)));
    const beyond = (test) => values.some((value) => Number.isFinite(value) && test(value));
    if (beyond((value) => value > top * (1 + 1e-6))) ticktext[4] = `≥ ${ticktext[4]}`;
    if (signed && beyond((value) => value < -top * (1 + 1e-6))) ticktext[0] = `≤ ${ticktext[0]}`;
    if (signed) ticktext[2] += "\u2003";
    return { tickvals, ticktext };
  }

  const general0 = (value) => (value === 0 ? "0" : general(value, 3, false));

  // ---- the figure ----------------------------------------------------------------------------------------------

  const delta = (show) => (show === "difference" ? "Δ " : "");
  const unitOf = (choice, show) => delta(show) + choice.unit;
  const isSigned = (choice, show) => choice.signed || show === "difference";

  /** What is said of a value before it. */
  const nameOf = (choice, show) =>
    choice.swept ? `${choice.words}, ${unitOf(choice, show)}` : `${delta(show)}${choice.words}`;

  const inRows = (list, width) =>
    Array.from({ length: list.length / width }, (_, row) => list.slice(row * width, (row + 1) * width));

  const labelAt = (index, heads) => `L${Math.floor(index / heads)}H${index % heads}`;

  /** Of keys or values that several heads read: which heads each number is of; nothing where no heads share. */
  function sharedBy(word, [layers, heads], groups) {
    const size = groups ? heads / groups : 1;
    if (!word || size === 1) return [];
    return Array.from({ length: layers * heads }, (_, at) => {
      const first = Math.floor((at % heads) / size) * size;
      return `one number for L${Math.floor(at / heads)}H${first}–H${first + size - 1}, which share ${word}`;
    });
  }

  /** Further lines of the hover: [{name, values, signed} or {texts}]. */
  function hoverOf(values, [, heads], choice, show, more) {
    const first = nameOf(choice, show);
    const signed = choice.swept || isSigned(choice, show);
    return values.map((value, at) => {
      const lines = more.map((line) => `<br>${line.texts ? line.texts[at] : `${line.name} ${spoken(line.values[at], line.signed)}`}`);
      return `<b>${labelAt(at, heads)}</b><br>${first} ${spoken(value, signed)}${lines.join("")}`;
    });
  }

  /** A diagonal stroke on every cell that is not computed. */
  function hatchOf(values, heads) {
    const x = [];
    const y = [];
    values.forEach((value, at) => {
      if (!Number.isNaN(value)) return;
      const [row, column] = [Math.floor(at / heads), at % heads];
      x.push(column - 0.2, column + 0.2, null);
      y.push(row + 0.2, row - 0.2, null);
    });
    return { x, y };
  }

  /** Numbers -> what the heatmap shows: {z, hovertext, text, zmin, zmax, unit, tickvals, ticktext, hatch}. `locked` is
   * a limit shared with another matrix, `more` further lines of the hover. */
  function cells(numbers, shape, choice, { show = "baseline", locked = null, more = [] } = {}) {
    const values = Array.from(numbers);
    const heads = shape[1];
    const signed = isSigned(choice, show);
    const own = show === "difference" ? null : choice.limit;
    const top = locked || own || limitOf(values);
    const strong = (value) => (signed && value <= -top / 4 ? "−" : "");
    return {
      z: inRows(values, heads), hovertext: inRows(hoverOf(values, shape, choice, show, more), heads),
      text: inRows(values.map(strong), heads), zmin: signed ? -top : 0, zmax: top, unit: unitOf(choice, show),
      ...ticks(values, top, signed), hatch: hatchOf(values, heads),
    };
  }

  /** The same as changes of the live figure's traces 0 (heatmap) and 3 (hatch), and of its legend of the hatch. */
  function changes({ z, hovertext, text, zmin, zmax, unit, tickvals, ticktext, hatch }) {
    const heatmap = {
      z: [z], hovertext: [hovertext], text: [text], zmin: [zmin], zmax: [zmax], "colorbar.title.text": [unit],
      "colorbar.tickvals": [tickvals], "colorbar.ticktext": [ticktext],
    };
    return { heatmap, hatch: { x: [hatch.x], y: [hatch.y] } };
  }

  root.microtome = root.microtome || {};
  root.microtome.headFigure = { short, spoken, limitOf, ticks, cells, changes, unitOf, isSigned, nameOf, labelAt, delta, sharedBy };
  if (typeof module !== "undefined") module.exports = root.microtome.headFigure;
})(typeof window === "undefined" ? globalThis : window);
