/* Windows of large attention maps: which queries (rows) and keys (columns), each [first, one past the last]. Pure.
 *
 * Prompts of up to LONG tokens travel whole. Of longer ones numbers come by window: a tile under the pointer, a row and a
 * column of the token that is read, what is zoomed into. Pictures have no more cells than pixels, and at most SIDE a
 * side: of more, each is the largest of a block (app/figures/attention_windows.py).
 */
(function (root) {
  "use strict";

  const { shownToken } = typeof require === "undefined" ? root.microtome : require("./12-describe.js");
  const LONG = 512;
  const SIDE = 1024;
  const TILE = 256;
  const ROOM = 12; // characters of a label

  const whole = (count) => ({ rows: [0, count], columns: [0, count] });
  const length = ([first, stop]) => stop - first;
  const sideOf = ({ rows, columns }) => Math.max(length(rows), length(columns));
  const isWhole = ({ rows, columns }, count) => length(rows) === count && length(columns) === count;
  const nameOf = ({ rows, columns }) => `rows=${rows.join("-")}&columns=${columns.join("-")}`;

  /** The address of this part of a map; of the whole map (null) the address itself. */
  function windowed(address, place) {
    if (!place) return address;
    return `${address}${address.includes("?") ? "&" : "?"}${nameOf(place)}`;
  }

  function tileSpan(position, count) {
    const first = Math.floor(position / TILE) * TILE;
    return [first, Math.min(count, first + TILE)];
  }

  /** Where the numbers of a cell come from: all of a short prompt (null), a tile of a long one. */
  function tileAt(dest, src, count) {
    return count <= LONG ? null : { rows: tileSpan(dest, count), columns: tileSpan(src, count) };
  }

  /** All tiles of a long map, those first that hold keys before their queries. */
  function tilesOf(count) {
    const spans = Array.from({ length: Math.ceil(count / TILE) }, (_, at) => tileSpan(at * TILE, count));
    const all = spans.flatMap((rows) => spans.map((columns) => ({ rows, columns })));
    const seen = ({ rows, columns }) => columns[0] <= rows[0];
    return [...all.filter(seen), ...all.filter((tile) => !seen(tile))];
  }

  const rowOf = (position, count) => ({ rows: [position, position + 1], columns: [0, count] });
  const columnOf = (position, count) => ({ rows: [0, count], columns: [position, position + 1] });

  /** Rows, or columns, of a picture on so many pixels: a power of two, so that addresses stay few. */
  const fitOf = (pixels) => Math.max(64, Math.min(SIDE, 2 ** Math.floor(Math.log2(Math.max(1, pixels)))));

  /** Queries and keys that become one cell of a picture of at most `fit` [rows, columns]. */
  const blockOf = ({ rows, columns }, [most, wide]) => [Math.ceil(length(rows) / most), Math.ceil(length(columns) / wide)];

  const isReduced = (block) => block.some((size) => size > 1);

  /** Where in `values` the strongest of each block stands, by row and column of the picture: NaN only where all are. */
  function strongestIn(values, [height, width], [tall, wide]) {
    const columns = Math.ceil(width / wide);
    const none = values.length;
    const places = new Uint32Array(Math.ceil(height / tall) * columns).fill(none);
    values.forEach((value, at) => {
      const into = Math.floor(at / width / tall) * columns + Math.floor((at % width) / wide);
      const before = places[into] === none ? NaN : values[places[into]];
      if (places[into] === none || Math.abs(value) > Math.abs(before) || (Number.isNaN(before) && !Number.isNaN(value))) places[into] = at;
    });
    return places;
  }

  /** The matrix with the strongest of each block where it has more cells than pixels. */
  function shrunk(matrix, most) {
    const size = [length(matrix.rows), length(matrix.columns)];
    const block = blockOf(matrix, most);
    const [height, width] = size.map((cells, axis) => Math.ceil(cells / block[axis]));
    if (!isReduced(block)) return { ...matrix, width, height };
    const places = strongestIn(matrix.values, size, block);
    const strongest = matrix.strongest && Uint16Array.from(places, (at) => matrix.strongest[at]);
    return { ...matrix, values: Float32Array.from(places, (at) => matrix.values[at]), strongest, width, height };
  }

  const within = (value, count) => Math.max(0, Math.min(count - 1, value));
  const spanOf = (one, other, count) =>
    [Math.min(within(one, count), within(other, count)), Math.max(within(one, count), within(other, count)) + 1];

  /** The window between two cells, {x, y} each. */
  const between = (one, other, count) =>
    ({ rows: spanOf(one.y, other.y, count), columns: spanOf(one.x, other.x, count) });

  /** `100-300`, `100–300` or `100` -> a span, null where that is none of this prompt. */
  function read(text, count) {
    const found = /^\s*(\d+)\s*(?:[-–]\s*(\d+)\s*)?$/.exec(text);
    if (!found) return null;
    const [first, last] = [Number(found[1]), Number(found[2] === undefined ? found[1] : found[2])];
    return first <= last && last < count ? [first, last + 1] : null;
  }

  const said = ([first, stop]) => `${first}–${stop - 1}`;

  const shortly = (text) => (text.length > ROOM ? `${text.slice(0, ROOM - 1)}…` : text);
  const label = (token) => shortly(shownToken(token)).replaceAll("&", "&amp;").replaceAll("<", "&lt;");

  /** Labels of a span of tokens that fit into so many pixels: {tickvals, ticktext}; thinned ones are numbered. */
  function ticksOf([first, stop], tokens, pixels, step) {
    const every = Math.max(1, Math.ceil(((stop - first) * step) / Math.max(pixels, step)));
    const tickvals = [];
    for (let at = first; at < stop; at += every) tickvals.push(at);
    const ticktext = tickvals.map((at) => (every > 1 ? `${at} ` : "") + label(tokens[at] || ""));
    return { tickvals, ticktext };
  }

  /** The tokens of a long prompt that are written out: what is zoomed into, or around what is read. */
  function writtenOf(place, position, count) {
    if (count <= LONG) return [0, count];
    const span = [Math.min(place.rows[0], place.columns[0]), Math.max(place.rows[1], place.columns[1])];
    const inside = position === null || (position >= span[0] && position < span[1]);
    if (length(span) <= LONG && inside) return span;
    const middle = position === null ? span[1] : position;
    const first = Math.max(0, Math.min(count - LONG, middle - LONG / 2));
    return [first, first + LONG];
  }

  root.microtome = root.microtome || {};
  root.microtome.attentionWindow = {
    LONG, SIDE, whole, length, sideOf, isWhole, nameOf, windowed, tileAt, tilesOf, TILE, rowOf, columnOf, fitOf, blockOf, isReduced, strongestIn, shrunk, between, read, said, ticksOf,
    writtenOf,
  };
  if (typeof module !== "undefined") module.exports = root.microtome.attentionWindow;
})(typeof window === "undefined" ? globalThis : window);
