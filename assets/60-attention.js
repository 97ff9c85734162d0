/* The attention panel: one picture put into the live figure, without the server's figure. The primary head's map is the
 * server's picture; several heads together, differences from another prompt or head, and weighted attention are made
 * here of float32 numbers.
 *
 * Pictures and numbers have addresses that never change, so each is fetched once and kept; the neighbours of the
 * primary head are fetched while nothing else happens. A picture replaces another once it is there: no flicker.
 */
(function (root) {
  "use strict";

  const { shownRun, missingLayer, asked, combined, weighted, limitOf } =
    typeof require === "undefined" ? root.microtome.attentionAsked : require("./60-attention-asked.js");
  const { scaleOf } = typeof require === "undefined" ? root.microtome.attentionScale : require("./59-attention-scale.js");
  const pixels = typeof require === "undefined" ? root.microtome.palette : require("./59-palette.js");

  /** Which run is shown, where there is a head to show and its layer is there. */
  function shownDigests(session, digests) {
    if (!session.selection.primary || missingLayer(session, digests) !== null) return null;
    return shownRun(session, digests);
  }

  /** session, digests, theme -> addresses {picture, numbers} of a head's map, or null where there is none to show. */
  function addressesOf(session, digests, theme, head = session.selection.primary) {
    const found = shownDigests(session, digests);
    if (!found) return null;
    const place = `attention/${found.digest}/${head.layer}/${head.head}`;
    const [and, only] = found.minus ? [`&minus=${found.minus}`, `?minus=${found.minus}`] : ["", ""];
    return { picture: `${place}.png?theme=${theme}${and}`, numbers: `${place}.f32${only}` };
  }

  /** The heads beside this one: the ones an arrow key leads to. */
  function neighbours({ layer, head }, { n_layers, n_heads }) {
    const around = [[0, 1], [0, -1], [1, 0], [-1, 0]].map(([dy, dx]) => ({ layer: layer + dy, head: head + dx }));
    const exists = (other) => other.layer >= 0 && other.head >= 0 && other.layer < n_layers && other.head < n_heads;
    return around.filter(exists);
  }

  /** key -> promise, made once and kept while it is among the `most` last used (a number, or a function that says it);
   * failures are not kept. */
  function keeper(make, most) {
    const kept = new Map();
    return (key) => {
      const found = kept.get(key) || make(key);
      kept.delete(key);
      kept.set(key, found);
      found.catch(() => kept.delete(key));
      if (kept.size > (typeof most === "function" ? most() : most)) kept.delete(kept.keys().next().value);
      return found;
    };
  }

  if (typeof module !== "undefined") module.exports = { addressesOf, missingLayer, neighbours, keeper };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  const whenIdle = root.requestIdleCallback || ((act) => setTimeout(act, 50));
  const beside = []; // session, digests -> draws what else shows attention
  let digests = null;
  let besides = null; // {other, weights}: the same of the pair's other prompt and of weights, where they are asked for

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

  const MAP_BYTES = 96 * 2 ** 20;
  /** Maps that fit into MAP_BYTES; at least a head, its neighbours and what they are compared with. */
  const mostMaps = () => Math.max(6, Math.floor(MAP_BYTES / (4 * (microtome.shape().n_positions || 1) ** 2)));

  const picture = keeper(pictureOf, 256);
  const numbers = keeper(async (address) => new Float32Array(await (await fetched(address)).arrayBuffer()), mostMaps);

  const fetchedAll = (addresses) => Promise.all(addresses.map(numbers));

  /** Every map times its weights, where there are any. */
  async function weighed(maps, addresses, by) {
    const weights = addresses && (await fetchedAll(addresses));
    return weights ? maps.map((map, at) => weighted(map, weights[at], by === "attribution")) : maps;
  }

  /** The matrix of what is asked, as text so that it can be kept -> {values, strongest, limit}. */
  const matrix = keeper(async (key) => {
    const { first, second, of, signed, by, weights } = JSON.parse(key);
    const maps = await weighed(await fetchedAll([...first, ...(second || [])]), weights, by);
    const found = combined(maps.slice(0, first.length), second && maps.slice(first.length), of, signed);
    return { ...found, limit: by ? limitOf(found.values) : pixels.limitOf(signed) };
  }, 4);

  const keyOf = ({ first, second, of, signed, by, weights }) =>
    JSON.stringify({ first, second, of, signed, by, weights });

  /** What is drawn now; null where nothing is. */
  function now() {
    const session = microtome.session();
    const found = session && asked(session, digests, besides);
    return found && found.problem === null ? found : null;
  }

  /** The matrix under the pointer and on the text: {values, strongest, limit, signed, heads, by}, or null. */
  async function reading() {
    const what = now();
    return what && { ...what, ...(await matrix(keyOf(what))) };
  }

  // ---- pictures ------------------------------------------------------------------------------------------------

  /** The server's picture where there is one, else one that is made of the numbers. */
  function sourceOf(what) {
    const address = wanted();
    const plain = what.of === "primary" && !what.second && !what.by;
    return plain ? picture(address.picture) : made(JSON.stringify([keyOf(what), microtome.theme()]));
  }

  const made = keeper(async (key) => {
    const [asks] = JSON.parse(key);
    const { of, signed } = JSON.parse(asks);
    const { values, strongest, limit } = await matrix(asks);
    return drawnOn(values, of === "each" ? pixels.eachIn(values, strongest, microtome.template(), microtome.theme(), limit)
      : pixels.allIn(values, microtome.template(), signed, limit));
  }, 8);

  function drawnOn({ length }, colours) {
    const side = Math.round(Math.sqrt(length));
    const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
    const image = new ImageData(new Uint8ClampedArray(colours.buffer), side, side);
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  const wanted = () => {
    const session = microtome.session();
    return session && addressesOf(session, digests, microtome.theme());
  };

  function put(gd, source, scale = {}) {
    const image = (gd.layout.images || [])[0];
    if (!image || image.source === source) return;
    root.Plotly.relayout(gd, { "images[0].source": source, ...scale });
    if (source !== BLANK) root.requestAnimationFrame(() => setTimeout(painted));
  }

  function painted() {
    performance.mark("microtome:attention-painted");
    microtome.paintedAt = performance.now();
  }

  function swatch({ head, colour }) {
    const element = document.createElement("span");
    const square = Object.assign(document.createElement("i"), { textContent: "■ " });
    square.style.color = colour;
    element.append(square);
    element.append(microtome.state.headLabel(head));
    return element;
  }

  /** Beside the panel's title: of what it is; heads in their own colours are named in them. */
  function say(text, { of, heads = [] } = {}) {
    const place = document.getElementById("attention-head");
    const hues = pixels.HUES[microtome.theme()];
    const named = of === "each" ? heads.slice(0, hues.length) : [];
    const said = [text, ...named.map(microtome.state.headLabel), microtome.theme()].join();
    if (!place || place.dataset.said === said) return;
    place.dataset.said = said;
    place.replaceChildren(...(text ? [text] : []), ...named.map((head, at) => swatch({ head, colour: hues[at] })));
  }

  function titled(session, found) {
    const { primary } = session.selection;
    if (found.problem === null) return found.title;
    return primary ? [microtome.state.headLabel(primary), found.problem].filter(Boolean).join(": ") : "";
  }

  async function draw() {
    const session = microtome.session();
    if (!session) return;
    for (const drawMore of beside) drawMore(session, digests);
    const found = asked(session, digests, besides);
    const title = titled(session, found);
    say(title, found);
    const layer = missingLayer(session, digests);
    if (layer !== null) microtome.setProps("attention-layer", { data: layer });
    const gd = microtome.graph("attention");
    if (gd) await show(gd, found, title);
  }

  const still = (found) => Boolean(now()) && keyOf(now()) === keyOf(found);

  async function show(gd, found, title) {
    if (found.problem !== null) return put(gd, BLANK);
    try {
      const source = await sourceOf(found);
      const scale = found.by ? scaleOf((await matrix(keyOf(found))).limit, found.signed, found.unit) : {};
      if (still(found)) put(microtome.graph("attention") || gd, source, scale);
    } catch {
      if (still(found)) gone(gd, title);
    }
    return undefined;
  }

  /** The result has left the server's cache, or the server is away: show nothing rather than another head. */
  function gone(gd, title) {
    put(gd, BLANK);
    say(`${title} is not in the server's cache any more; press Run`);
  }

  function prefetch() {
    const session = microtome.session();
    if (!wanted()) return;
    const near = neighbours(session.selection.primary, microtome.shape());
    for (const head of near) {
      const there = addressesOf({ ...session, selection: { primary: head } }, digests, microtome.theme());
      if (there) picture(there.picture).catch(() => null); // drawn when selected
    }
  }

  function setDigests(next, beside) {
    [digests, besides] = [next, beside];
    draw();
  }

  microtome.afterPlot.push((gd, panel) => panel === "attention" && draw());
  microtome.projections.push((now, before) => {
    const { primary } = now.session.selection;
    draw();
    const moved = !before || !microtome.state.sameHead(primary, before.session.selection.primary);
    if (primary && moved) whenIdle(prefetch);
  });
  microtome.keeper = keeper;
  microtome.attention = { draw, wanted, numbers, reading, now, setDigests, fetched, shownRun, beside };
})(typeof window === "undefined" ? globalThis : window);
