/* All heads' patterns in one canvas: one fetch per run, one putImageData per change, outlines of the selection on top.
 *
 * The same clicks as on the head matrix, arrows as everywhere; hover reads nothing from the server. Of a long prompt,
 * whose patterns come layer by layer, the layers that have come are kept while the run stays the same.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { placeOf, paint, partsOf, hitOn, outlineOf } = microtome.thumbnailPixels;
  const { headLabel } = microtome.state;
  const FONT = 10; // CSS pixels
  const run = { key: null, parts: new Map(), signed: false };
  let canvas = null;
  let place = null;
  let picture = null; // {image, key}: what is painted, without outlines
  let wanted = null;

  // ---- what came -----------------------------------------------------------------------------------------------

  const list = (answer, header) => answer.headers.get(header).split(",").map(Number);

  async function thumbsOf(address) {
    const answer = await microtome.attention.fetched(address);
    const cells = new Uint8Array(await answer.arrayBuffer());
    return { run: answer.headers.get("X-Run"), shape: list(answer, "X-Shape"), layers: list(answer, "X-Layers"), cells };
  }

  const thumbs = microtome.keeper(thumbsOf, 8);

  function join(found, signed) {
    if (run.key !== found.run) Object.assign(run, { key: found.run, parts: new Map() });
    for (const [layer, part] of partsOf(found)) run.parts.set(layer, part);
    run.signed = signed;
    picture = null;
  }

  function forget() {
    Object.assign(run, { key: null, parts: new Map() });
    picture = null;
  }

  // ---- painting ------------------------------------------------------------------------------------------------

  const host = () => document.getElementById("thumbnails");
  const ratio = () => root.devicePixelRatio || 1;
  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

  function madeCanvas(parent) {
    if (canvas && canvas.isConnected) return canvas;
    canvas = document.createElement("canvas");
    Object.assign(canvas, { tabIndex: 0, onclick: clicked, onpointermove: pointed, onpointerleave: microtome.tip.hide });
    canvas.setAttribute("role", "img");
    parent.replaceChildren(canvas);
    new ResizeObserver(() => redraw()).observe(parent);
    return canvas;
  }

  function resized(parent) {
    const { n_layers, n_heads } = microtome.shape();
    const box = { width: parent.clientWidth, height: parent.clientHeight };
    if (!n_layers || !box.width) return null;
    const whole = !parent.closest("[data-maximised]");
    const next = placeOf(box, { n_layers, n_heads }, ratio(), whole);
    if (canvas.width !== next.width || canvas.height !== next.height) {
      Object.assign(canvas, { width: next.width, height: next.height });
      Object.assign(canvas.style, { width: `${next.width / ratio()}px`, height: `${next.height / ratio()}px` });
    }
    return next;
  }

  /** The picture of all heads, painted again only when patterns, size or colours changed. */
  function painted(context) {
    const key = JSON.stringify([place, microtome.theme()]);
    if (picture && picture.key === key) return picture.image;
    const template = microtome.template();
    const image = context.createImageData(place.width, place.height);
    const palette = microtome.palette.paletteOf(template, run.signed);
    const ground = microtome.palette.colourOf(colour("--mt-line"));
    paint(new Uint32Array(image.data.buffer), place, run.parts, palette, ground, run.signed);
    picture = { image, key };
    return image;
  }

  function number(context, count, step, draw) {
    const every = Math.max(1, Math.ceil((FONT * 1.5 * ratio()) / step));
    for (let at = 0; at < count; at += every) draw(String(at), at * step + place.side / 2);
  }

  function drawNumbers(context) {
    const step = place.side + place.gap;
    context.font = `${FONT * ratio()}px ${getComputedStyle(document.body).fontFamily}`;
    context.fillStyle = colour("--mt-quiet");
    context.textBaseline = "middle";
    context.textAlign = "right";
    const beside = place.left - 5 * ratio();
    number(context, place.layers, step, (text, at) => context.fillText(text, beside, place.top + at));
    context.textAlign = "center";
    number(context, place.heads, step, (text, at) => context.fillText(text, place.left + at, place.top / 2));
  }

  function drawOutlines(context, selection) {
    context.strokeStyle = colour("--mt-accent");
    for (const shape of microtome.shapes.shapesFor(selection, "head-matrix")) {
      const { x, y, width, height } = outlineOf(place, shape);
      context.lineWidth = shape.line.width * ratio();
      context.setLineDash(shape.line.dash ? [2 * ratio(), 2 * ratio()] : []);
      context.strokeRect(x, y, width, height);
    }
  }

  function say(primary) {
    const there = `${run.parts.size} of ${place.layers} layers, ${place.heads} heads each`;
    const head = primary ? `; ${headLabel(primary)} is the primary head` : "";
    canvas.setAttribute("aria-label", `Attention of ${there}${head}. Arrow keys move it, Shift and click adds.`);
  }

  /** The colours beside the title, from 0 or from the most negative to the most that is told apart. */
  function drawScale() {
    const place = document.getElementById("thumbnails-scale");
    const { colorscale } = microtome.template().layout;
    const colours = run.signed ? colorscale.diverging : colorscale.sequential;
    const key = JSON.stringify([colours, run.parts.size > 0]);
    if (!place || place.dataset.drawn === key) return;
    place.dataset.drawn = key;
    place.hidden = !run.parts.size;
    place.style.setProperty("--colours", colours.map(([at, tone]) => `${tone} ${100 * at}%`).join(", "));
    const [least, most] = run.signed ? ["−.5", "+.5"] : ["0", "1"];
    place.replaceChildren(least, document.createElement("i"), most);
    place.title = run.signed ? "Δ attention, intervened − baseline; beyond ±0.5 as at the ends" : "attention";
  }

  function reveal({ layer }) {
    const step = (place.side + place.gap) / ratio();
    const parent = host();
    const top = place.top / ratio() + layer * step;
    if (top < parent.scrollTop) parent.scrollTop = top - step;
    if (top + step > parent.scrollTop + parent.clientHeight) parent.scrollTop = top + step - parent.clientHeight;
  }

  function redraw() {
    const parent = host();
    const session = microtome.session();
    if (!parent || !session || !microtome.template() || !parent.offsetParent) return;
    madeCanvas(parent);
    place = resized(parent);
    if (!place) return;
    const context = canvas.getContext("2d");
    context.putImageData(painted(context), 0, 0);
    drawNumbers(context);
    drawOutlines(context, session.selection);
    drawScale();
    say(session.selection.primary);
    root.requestAnimationFrame(() => setTimeout(() => performance.mark("microtome:thumbnails-painted")));
  }

  // ---- the run that is shown -----------------------------------------------------------------------------------

  const addressOf = ({ digest, minus }) => `attention/${digest}/thumbnails.u8${minus ? `?minus=${minus}` : ""}`;

  async function load(address, signed) {
    try {
      const found = await thumbs(address);
      if (wanted === address) join(found, signed);
    } catch {
      if (wanted === address) forget(); // gone from the server's cache: nothing rather than another run
    }
    if (wanted === address) redraw();
  }

  microtome.attention.beside.push((session, digests) => {
    const shown = microtome.attention.shownRun(session, digests);
    const address = shown && addressOf(shown);
    const changed = address !== wanted;
    wanted = address;
    if (changed && address) load(address, shown.minus !== null);
    else redraw();
  });

  // ---- gestures ------------------------------------------------------------------------------------------------

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const at = { x: (event.clientX - box.left) * ratio(), y: (event.clientY - box.top) * ratio() };
    return place && hitOn(place, at);
  }

  function clicked(event) {
    const where = under(event);
    if (where) microtome.clickedHeads(where, event.shiftKey);
  }

  function pointed(event) {
    const where = under(event);
    if (!where || where.part !== "cells") return microtome.tip.hide();
    const name = headLabel({ layer: where.y, head: where.x });
    return microtome.tip.show(run.parts.has(where.y) ? name : `${name}: not computed, select it`, event);
  }

  microtome.projections.push(({ session: { selection, view } }, before) => {
    const { primary } = selection;
    const moved = before && !microtome.state.sameHead(primary, before.session.selection.primary);
    if (moved && primary && place && view.workspace === "attention") reveal(primary);
  });
})(window);
