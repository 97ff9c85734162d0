/* Numbers of attention: fetched once, kept, and put together into the matrix that is asked for.
 *
 * Pictures and numbers have addresses that never change. A matrix is all of a short prompt's cells, or a window of a long
 * one's (assets/59-attention-window.js).
 */
(function (root) {
  "use strict";

  /** key -> promise, made once and kept while it is among the last used; failures are not kept. All that is kept comes
   * to at most `most`, each being `sizeOf` its value once it is there: 1, or what it takes. `there(key)` is a value that
   * is kept, else null: nothing is made for it. */
  function keeper(make, most, sizeOf = () => 1) {
    const kept = new Map(); // the last used last
    const values = new Map();
    let total = 0;

    function forget(key) {
      kept.delete(key);
      if (values.has(key)) total -= sizeOf(values.get(key));
      values.delete(key);
    }

    function begin(key) {
      const found = make(key);
      found.then((value) => {
        if (kept.get(key) !== found) return;
        values.set(key, value);
        total += sizeOf(value);
        for (const old of kept.keys()) {
          if (total <= most || old === key) break;
          forget(old);
        }
      }, () => kept.get(key) === found && forget(key));
      return found;
    }

    function keep(key) {
      const found = kept.get(key) || begin(key);
      kept.delete(key);
      kept.set(key, found);
      return found;
    }

    return Object.assign(keep, { there: (key) => (values.has(key) ? values.get(key) : null) });
  }

  if (typeof module !== "undefined") module.exports = { keeper };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { combined, weighted, limitOf } = microtome.attentionAsked;
  const { whole, windowed } = microtome.attentionWindow;
  const MAP_BYTES = 96 * 2 ** 20; // of maps and windows of them, and again of what is made of these

  async function fetched(address) {
    const answer = await fetch(microtome.prefix() + address);
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  }

  async function pictureOf(address) {
    const blob = await (await fetched(address)).blob();
    const reader = new FileReader();
    const read = new Promise((resolve) => reader.addEventListener("load", () => resolve(reader.result)));
    reader.readAsDataURL(blob);
    return read;
  }

  const picture = keeper(pictureOf, 256);
  const numbers = keeper(async (address) => new Float32Array(await (await fetched(address)).arrayBuffer()), MAP_BYTES,
    (values) => values.byteLength);

  const fetchedAll = (addresses) => Promise.all(addresses.map(numbers));

  /** Every map times the weights of its keys, where there are any; attribution is at the last token alone. */
  async function weighed(maps, addresses, by, place) {
    if (!addresses) return maps;
    const found = await fetchedAll(addresses);
    const { rows, columns } = place || whole(found[0].length);
    const only = by === "attribution" ? found[0].length - 1 - rows[0] : null;
    return maps.map((map, at) => weighted(map, found[at].slice(...columns), only));
  }

  /** The matrix of what is asked, as text so that it can be kept -> {values, strongest, limit, rows, columns}. */
  const matrix = keeper(async (key) => {
    const { first, second, of, signed, by, weights, place } = JSON.parse(key);
    const addresses = [...first, ...(second || [])].map((address) => windowed(address, place));
    const maps = await weighed(await fetchedAll(addresses), weights, by, place);
    const found = combined(maps.slice(0, first.length), second && maps.slice(first.length), of, signed);
    const limit = by ? limitOf(found.values) : microtome.palette.limitOf(signed);
    return { ...found, limit, ...(place || whole(Math.round(Math.sqrt(found.values.length)))) };
  }, MAP_BYTES, ({ values, strongest }) => values.byteLength + (strongest ? strongest.byteLength : 0));

  /** What is asked, of a window or (null) of all cells. */
  const keyOf = ({ first, second, of, signed, by, weights }, place = null) =>
    JSON.stringify({ first, second, of, signed, by, weights, place });

  Object.assign(microtome, { keeper, attentionNumbers: { fetched, picture, numbers, matrix, keyOf } });
})(typeof window === "undefined" ? globalThis : window);
