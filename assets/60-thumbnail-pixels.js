/* Where the thumbnails of all heads lie on one canvas, and their pixels: pure, so that node tests it.
 *
 * place  {left, top, side, gap, layers, heads, width, height} in device pixels: head (l, h) fills a square of `side` at
 *        (left + h (side + gap), top + l (side + gap)).
 * thumbs {shape: [layers, heads, rows, columns], layers: [layer of each row], cells: palette entries}
 */
(function (root) {
  "use strict";

  const MARGIN = { left: 24, top: 17 }; // CSS pixels for the numbers of layers and heads
  const GAP = 2;
  const SIDES = { least: 12, most: 112 };

  /** As large as the room allows; `whole` keeps all layers in view while thumbnails stay readable. */
  function placeOf({ width, height }, { n_layers: layers, n_heads: heads }, ratio, whole) {
    const across = (width - MARGIN.left) / heads - GAP;
    const down = (height - MARGIN.top) / layers - GAP;
    const fitting = whole ? Math.min(across, down) : across;
    const side = Math.floor(Math.min(SIDES.most, Math.max(SIDES.least, fitting)) * ratio);
    const [left, top, gap] = [MARGIN.left, MARGIN.top, GAP].map((length) => Math.round(length * ratio));
    const far = (count) => count * (side + gap);
    return { left, top, side, gap, layers, heads, width: left + far(heads), height: top + far(layers) };
  }

  /** Which cells a pixel shows: first..end of every one of `side` pixels over `count` cells. */
  function spans(count, side) {
    const [first, end] = [new Int32Array(side), new Int32Array(side)];
    for (let pixel = 0; pixel < side; pixel += 1) {
      first[pixel] = Math.floor((pixel * count) / side);
      end[pixel] = Math.max(first[pixel] + 1, Math.floor(((pixel + 1) * count) / side));
    }
    return { first, end };
  }

  /** One head's pixels into the picture, from `corner` on: each the entry furthest from zero among the cells behind it.
   * Plain loops over typed arrays, because a million cells pass here for one picture. */
  function paintOne(pixels, corner, place, { cells, columns, down, across }, start, { palette, strength }) {
    for (let y = 0; y < place.side; y += 1) {
      for (let x = 0; x < place.side; x += 1) {
        let found = cells[start + down.first[y] * columns + across.first[x]];
        for (let row = down.first[y]; row < down.end[y]; row += 1) {
          for (let column = across.first[x]; column < across.end[x]; column += 1) {
            const entry = cells[start + row * columns + column];
            if (strength[entry] > strength[found]) found = entry;
          }
        }
        pixels[corner + y * place.width + x] = palette[found];
      }
    }
  }

  /** How far every palette entry is from zero. */
  const strengths = (signed) => Uint8Array.from({ length: 256 }, (_, entry) => Math.abs(entry - (signed ? 128 : 1)));

  const BLANK = Object.freeze({ cells: new Uint8Array(1), start: 0, size: [1, 1], each: 0 });

  /** Every head of one layer, or as many that are not computed. */
  function paintLayer(pixels, place, layer, part, colours) {
    const { cells, start, size: [rows, columns], each } = part || BLANK;
    const source = { cells, columns, down: spans(rows, place.side), across: spans(columns, place.side) };
    const step = place.side + place.gap;
    for (let head = 0; head < place.heads; head += 1) {
      const corner = (place.top + layer * step) * place.width + place.left + head * step;
      paintOne(pixels, corner, place, source, start + head * each, colours);
    }
  }

  /** Every head that is there, on the ground; the others are "not computed". parts: layer -> part of what came. */
  function paint(pixels, place, parts, palette, ground, signed) {
    for (let y = place.top; y < place.height; y += 1) {
      pixels.fill(ground, y * place.width + place.left, (y + 1) * place.width);
    }
    const colours = { palette, strength: strengths(signed) };
    for (let layer = 0; layer < place.layers; layer += 1) {
      paintLayer(pixels, place, layer, parts.get(layer), colours);
    }
  }

  /** layer -> where its heads are in the bytes that came. */
  function partsOf({ shape: [, heads, ...size], layers, cells }) {
    const each = size[0] * size[1];
    return new Map(layers.map((layer, row) => [layer, { cells, start: row * each * heads, size, each }]));
  }

  /** Device pixels -> {part, x, y} as on the head matrix: a head, a row's number or a column's. */
  function hitOn(place, { x, y }) {
    const step = place.side + place.gap;
    const column = Math.floor((x - place.left) / step);
    const row = Math.floor((y - place.top) / step);
    const [across, down] = [column >= 0 && column < place.heads, row >= 0 && row < place.layers];
    if (across && down) return { part: "cells", x: column, y: row };
    if (down && column < 0) return { part: "rows", x: null, y: row };
    if (across && row < 0) return { part: "columns", x: column, y: null };
    return null;
  }

  /** A shape in units of heads and layers (40-shapes.js) -> a rectangle around those thumbnails. */
  function outlineOf(place, { x0, x1, y0, y1 }) {
    const step = place.side + place.gap;
    const half = place.gap / 2;
    return {
      x: place.left + (x0 + 0.5) * step - half, y: place.top + (y0 + 0.5) * step - half,
      width: (x1 - x0) * step, height: (y1 - y0) * step,
    };
  }

  root.microtome = root.microtome || {};
  root.microtome.thumbnailPixels = { placeOf, spans, paint, partsOf, hitOn, outlineOf };
  if (typeof module !== "undefined") module.exports = root.microtome.thumbnailPixels;
})(typeof window === "undefined" ? globalThis : window);
