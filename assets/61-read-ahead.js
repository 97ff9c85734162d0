/* What a pointer may come to is there before it comes, so that hover asks no server: all numbers of a prompt of up to LONG
 * tokens, of a longer one tile by tile, as far as they fit into MOST bytes; beyond that what is zoomed into is there, as
 * its picture is made of it, and the rest is said to need a zoom.
 */
(function (root) {
  "use strict";

  const { LONG, TILE, tileAt, tilesOf } =
    typeof require === "undefined" ? root.microtome.attentionWindow : require("./59-attention-window.js");
  const MOST = 64 * 2 ** 20;

  /** The windows to fetch of so many maps of a prompt of so many tokens, first those that are looked at most; null is all
   * cells, nothing where it is too much. */
  function windowsOf(count, maps) {
    if (!count) return [];
    if (count <= LONG) return [null];
    const tiles = tilesOf(count);
    return tiles.length * maps * TILE ** 2 * 4 <= MOST ? tiles : [];
  }

  /** One token's row and column of a long map out of its tiles; `tile(dest, src)` is null where one is not there. */
  function aroundIn(tile, position, count) {
    const [src, dest] = [new Float32Array(count), new Float32Array(count)];
    for (let from = 0; from < count; from += TILE) {
      const [row, column] = [tile(position, from), tile(from, position)];
      if (!row || !column) return null;
      const wide = row.columns[1] - row.columns[0];
      src.set(row.values.subarray((position - row.rows[0]) * wide, (position - row.rows[0] + 1) * wide), from);
      const across = column.columns[1] - column.columns[0];
      for (let at = 0; at < column.rows[1] - column.rows[0]; at += 1) {
        dest[from + at] = column.values[at * across + position - column.columns[0]];
      }
    }
    return { src, dest };
  }

  if (typeof module !== "undefined") module.exports = { windowsOf, aroundIn };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { attention, attentionNumbers: { keyOf }, attentionAsked: { limitOf } } = microtome;
  const whenIdle = root.requestIdleCallback || ((act) => setTimeout(act, 50));
  const SHORT = 256; // tokens: a quarter of a megabyte per head, at once
  const PAUSE_MS = 300; // of what is larger, after the last change
  let timer = 0;
  let wanted = null; // of what is read ahead

  const mapsOf = ({ first, second }) => first.length + (second ? second.length : 0);
  const windows = (what) => windowsOf(attention.count(), mapsOf(what));
  const seen = () => Boolean((document.getElementById("attention") || {}).offsetParent);

  /** Window by window, until something else is shown. */
  async function fetchAll() {
    const what = attention.now();
    if (!what || !seen()) return;
    const key = keyOf(what);
    if (key === wanted) return;
    wanted = key;
    for (const window of windows(what)) {
      if (!attention.now() || keyOf(attention.now()) !== key) break;
      const fresh = !attention.there(window);
      await attention.reading(window).catch(() => null); // said where it is drawn
      if (fresh) microtome.readAgain();
    }
    if (wanted !== key) return;
    wanted = null;
    microtome.drawAttentionText();
  }

  function soon() {
    clearTimeout(timer);
    if (attention.count() <= SHORT) whenIdle(fetchAll);
    else timer = setTimeout(() => whenIdle(fetchAll), PAUSE_MS);
  }

  /** The numbers that hold this cell, null while they are not there. */
  const at = (dest, src) => {
    const { count, there, place } = attention;
    return there(tileAt(dest, src, count())) || (count() > LONG ? there(place()) : null);
  };

  const tile = (count) => (dest, src) => attention.there(tileAt(dest, src, count));

  /** What a token's row and column are read from, null while it is not all there. */
  function around(position) {
    const count = attention.count();
    const found = aroundIn(tile(count), position, count);
    if (!found) return null;
    const tiled = attention.there(tileAt(position, position, count));
    const limit = tiled.by ? limitOf([...found.src, ...found.dest]) : tiled.limit; // a tile's own is of its cells alone
    return { ...tiled, limit, around: found };
  }

  /** Why there is no number under the pointer. */
  function awaited() {
    const what = attention.now();
    return what && !windows(what).length ? "zoom in for exact numbers of so many heads" : "reading …";
  }

  attention.beside.push(soon);
  microtome.readAhead = { at, around, awaited };
})(typeof window === "undefined" ? globalThis : window);
