/* Edges of attention: which ones a gesture marks, what they look like on the matrix, and their words. Pure.
 *
 * An edge is [dest, src]: the query's position and the key's, key <= query, because a query sees nothing after itself.
 * Marked edges are a sorted list without repetition.
 */
(function (root) {
  "use strict";

  const MOST_EDGES = 4096; // of all layers together, 32 kB of JSON: more would not fit a link, and nobody reads the list
  const NAMED_EDGES = 4; // app.domain.interventions._MOST_EDGES

  const key = ([dest, src]) => `${dest},${src}`;
  const before = ([dest, src], [otherDest, otherSrc]) => dest - otherDest || src - otherSrc;
  const union = (...lists) => [...new Map(lists.flat().map((edge) => [key(edge), edge])).values()].sort(before);

  // ---- gestures ------------------------------------------------------------------------------------------------

  /** Two ends of a drag along one axis, null for all of it -> first and last position. */
  function span(one, other, count) {
    if (one === null || other === null) return [0, count - 1];
    return [Math.max(0, Math.min(one, other)), Math.min(count - 1, Math.max(one, other))];
  }

  /** Corners {x: src, y: dest} of a drag -> first and last query and key. */
  const sidesOf = (from, to, count) => [...span(from.y, to.y, count), ...span(from.x, to.x, count)];

  /** Corners of a drag -> the edges between them, without what lies beyond the diagonal. */
  function rectangle(from, to, count) {
    const [top, bottom, left, right] = sidesOf(from, to, count);
    const edges = [];
    for (let dest = top; dest <= bottom; dest += 1) {
      for (let src = left; src <= Math.min(right, dest); src += 1) edges.push([dest, src]);
    }
    return edges;
  }

  /** How many edges that is, without making them: a long matrix has millions. */
  function countOf(from, to, count) {
    const [top, bottom, left, right] = sidesOf(from, to, count);
    return countBetween([top, bottom], [left, right]);
  }

  /** How many edges each of so many layers can have. */
  const mostOf = (layers) => Math.floor(MOST_EDGES / Math.max(1, layers));

  /** A click marks its cells, or unmarks them where all of them are marked. */
  function toggled(marked, group) {
    const inside = new Set(group.map(key));
    const others = marked.filter((edge) => !inside.has(key(edge)));
    return others.length === marked.length - inside.size ? others : union(marked, group);
  }

  /** Selected tokens -> the edges from the last of them in the text to the others. */
  function betweenTokens(positions) {
    const dest = Math.max(...positions);
    return union(positions.filter((src) => src !== dest).map((src) => [dest, src]));
  }

  // ---- on the matrix -------------------------------------------------------------------------------------------

  /** The outline of all marked cells as one SVG path: a side of a cell is drawn where its neighbour is not marked. */
  function outline(edges) {
    const marked = new Set(edges.map(key));
    const sides = edges.flatMap(([y, x]) => {
      const [left, right, top, bottom] = [x - 0.5, x + 0.5, y - 0.5, y + 0.5];
      return [
        [y, x - 1, `M${left},${bottom}V${top}`], [y - 1, x, `M${left},${top}H${right}`],
        [y, x + 1, `M${right},${top}V${bottom}`], [y + 1, x, `M${right},${bottom}H${left}`],
      ];
    });
    return sides.filter(([y, x]) => !marked.has(key([y, x]))).map(([, , path]) => path).join("");
  }

  /** The same of the rectangle between two corners, from the corners alone: down its left side and up along the diagonal. */
  function outlineOf(from, to, count) {
    const [first, bottom, left, right] = sidesOf(from, to, count);
    const top = Math.max(first, left);
    if (top > bottom || left > right) return "";
    const steps = [];
    for (let dest = Math.min(bottom, right); dest >= top; dest -= 1) steps.push(`H${dest + 0.5}V${dest - 0.5}`);
    const side = bottom > right ? `H${right + 0.5}V${Math.max(top, right) - 0.5}` : "";
    return `M${left - 0.5},${top - 0.5}V${bottom + 0.5}${side}${steps.join("")}Z`;
  }

  // ---- in words ------------------------------------------------------------------------------------------------

  const ends = (positions) => [Math.min(...positions), Math.max(...positions)];
  const written = ([first, last]) => (last > first ? `${first}-${last}` : `${first}`);
  const listed = (edges) => edges.map(([dest, src]) => `${dest}→${src}`).join(" ");

  /** How many edges there are from these queries to these keys. */
  function countBetween([top, bottom], [left, right]) {
    let count = 0;
    for (let dest = top; dest <= bottom; dest += 1) count += Math.max(0, Math.min(right, dest) - left + 1);
    return count;
  }

  /** `14→2 14→4`; many as `12 edges 10-14→2-4` where they are all of these, else the first: as spoken_edges in Python. */
  function edgesText(given) {
    const edges = union(given);
    if (edges.length <= NAMED_EDGES) return listed(edges);
    const [queries, keys] = [ends(edges.map(([dest]) => dest)), ends(edges.map(([, src]) => src))];
    const whole = countBetween(queries, keys) === edges.length;
    return `${edges.length} edges ${whole ? `${written(queries)}→${written(keys)}` : `${listed(edges.slice(0, 2))} …`}`;
  }

  root.microtome = root.microtome || {};
  root.microtome.edges = {
    MOST_EDGES, mostOf, union, rectangle, countOf, toggled, betweenTokens, outline, outlineOf, edgesText,
  };
  if (typeof module !== "undefined") module.exports = root.microtome.edges;
})(typeof window === "undefined" ? globalThis : window);
