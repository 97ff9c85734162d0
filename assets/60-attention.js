/* The attention panel: one picture put into the live figure, without the server's figure. The primary head's map is the
 * server's picture; several heads together, differences from another prompt or head, and weighted attention are made
 * here of float32 numbers.
 *
 * What is zoomed into (assets/61-attention-zoom.js) is a window of queries and keys with a picture of its own. The
 * neighbours of the primary head are fetched while nothing else happens. A picture replaces another once it is there: no
 * flicker.
 */
(function (root) {
  "use strict";

  const { shownRun, missingLayer, layerKeeper, asked } =
    typeof require === "undefined" ? root.microtome.attentionAsked : require("./60-attention-asked.js");
  const { scaleOf, hasScale } =
    typeof require === "undefined" ? root.microtome.attentionScale : require("./59-attention-scale.js");
  const windows = typeof require === "undefined" ? root.microtome.attentionWindow : require("./59-attention-window.js");
  const pixels = typeof require === "undefined" ? root.microtome.palette : require("./59-palette.js");
  const { SIDE, windowed } = windows;

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

  const isPlain = ({ of, second, by }) => of === "primary" && !second && !by;

  /** What is said of a window's picture of at most `fit` rows and columns: how much it is reduced, or why there is none. */
  function fitting(found, place, fit) {
    const wide = found.problem === null && !isPlain(found) && windows.sideOf(place) > SIDE;
    if (wide) return { note: `: zoom to at most ${SIDE} tokens, as this is made of exact numbers`, wide };
    const block = windows.blockOf(place, fit);
    const reduced = found.problem === null && windows.isReduced(block);
    return { note: reduced ? `, the largest of ${block.join(" × ")} cells` : "", wide };
  }

  if (typeof module !== "undefined") module.exports = { addressesOf, missingLayer, neighbours, fitting };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { fetched, picture, numbers, matrix, keyOf } = microtome.attentionNumbers;
  const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  const whenIdle = root.requestIdleCallback || ((act) => setTimeout(act, 50));
  const PAUSE_MS = 400;
  const beside = []; // session, digests -> draws what else shows attention
  const layers = layerKeeper();
  let latest = null; // digests of the run, of a long prompt of one of its layers
  let besides = null; // {other, weights}: the same of the pair's other prompt and of weights, where they are asked for

  const digestsOf = (session) => layers.shown(session, latest);

  const count = () => microtome.shape().n_positions || 0;

  /** What is zoomed into, or all cells. */
  function place() {
    const session = microtome.session();
    return (session && microtome.zoomOf(session.zoom, { n_positions: count() })) || windows.whole(count());
  }

  /** Rows and columns that the picture may have. */
  function fit() {
    const gd = microtome.graph("attention");
    const ratio = root.devicePixelRatio || 1;
    return gd ? ["yaxis", "xaxis"].map((name) => windows.fitOf(gd._fullLayout[name]._length * ratio)) : [SIDE, SIDE];
  }

  /** A window as addresses have it, null for all cells. */
  const part = (window) => (windows.isWhole(window, count()) ? null : window);

  /** What is drawn now; null where nothing is. */
  function now() {
    const session = microtome.session();
    const found = session && asked(session, digestsOf(session), besides);
    return found && found.problem === null ? found : null;
  }

  /** Numbers under the pointer and on the text, of a window or all of them: {values, strongest, limit, rows, columns,
   * signed, heads, by}, or null. */
  async function reading(window = null) {
    const what = now();
    return what && { ...what, ...(await matrix(keyOf(what, window))) };
  }

  /** The same, only where it is there already: what a pointer may read. */
  function there(window = null) {
    const what = now();
    const found = what && matrix.there(keyOf(what, window));
    return found && { ...what, ...found };
  }

  // ---- pictures ------------------------------------------------------------------------------------------------

  /** A picture's address with its window, and with its size where it is reduced. */
  function pictureAddress({ picture: address }, window) {
    const most = fit();
    const small = windows.isReduced(windows.blockOf(window, most)) ? `&fit=${most.join("x")}` : "";
    return windowed(address, part(window)) + small;
  }

  /** The server's picture where there is one, else one that is made of the numbers. */
  function sourceOf(what, window) {
    return isPlain(what) ? picture(pictureAddress(wanted(), window))
      : made(JSON.stringify([keyOf(what, part(window)), microtome.theme(), fit()]));
  }

  const made = microtome.keeper(async (key) => {
    const [asks, , most] = JSON.parse(key);
    const { of, signed } = JSON.parse(asks);
    const { values, strongest, limit, width, height } = windows.shrunk(await matrix(asks), most);
    const colours = of === "each" ? pixels.eachIn(values, strongest, microtome.template(), microtome.theme(), limit)
      : pixels.allIn(values, microtome.template(), signed, limit);
    return drawnOn(width, height, colours);
  }, 8);

  function drawnOn(width, height, colours) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const image = new ImageData(new Uint8ClampedArray(colours.buffer), width, height);
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  const wanted = () => {
    const session = microtome.session();
    return session && addressesOf(session, digestsOf(session), microtome.theme());
  };

  /** Where the picture of a window lies on the axes; its last blocks may reach over the edge. */
  function lying({ rows, columns }) {
    const [tall, wide] = windows.blockOf({ rows, columns }, fit());
    const over = (span, block) => Math.ceil(windows.length(span) / block) * block;
    return {
      "images[0].x": columns[0] - 0.5, "images[0].y": rows[0] - 0.5, "images[0].sizex": over(columns, wide),
      "images[0].sizey": over(rows, tall), "images[0].name": nameOf({ rows, columns }),
    };
  }

  const nameOf = (window) => `${windows.nameOf(window)}&fit=${fit().join("x")}`;

  function put(gd, source, scale = null, window = place()) {
    const image = (gd.layout.images || [])[0];
    const there = image && image.source === source &&
      (source === BLANK || (image.name === nameOf(window) && hasScale(gd.layout, scale)));
    const view = microtome.attentionView ? microtome.attentionView(gd, place()) : {};
    if (!image || (there && !Object.keys(view).length)) return;
    const anew = scale && !hasScale(gd.layout, scale) ? scale : {}; // a colour bar is drawn with all ticks again
    const lies = count() && image.name !== nameOf(window) ? lying(window) : {};
    const more = { ...lies, ...anew, ...view };
    if (Object.keys(more).length || !microtome.swapPicture(gd, source)) {
      root.Plotly.relayout(gd, { "images[0].source": source, ...more });
    }
    if (anew === scale) root.Plotly.Plots.resize(gd); // only at the next layout other ticks get their room beside the title
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
    const host = document.getElementById("attention-head");
    const hues = pixels.HUES[microtome.theme()];
    const named = of === "each" ? heads.slice(0, hues.length) : [];
    const said = [text, ...named.map(microtome.state.headLabel), microtome.theme()].join();
    if (!host || host.dataset.said === said) return;
    host.dataset.said = said;
    host.title = text;
    host.replaceChildren(...(text ? [text] : []), ...named.map((head, at) => swatch({ head, colour: hues[at] })));
  }

  /** In the place of the picture: what to do where there is none. */
  function sayWhy(text) {
    microtome.write("attention-why", { textContent: text && `${text[0].toUpperCase()}${text.slice(1)}.`, hidden: !text });
  }

  function titled(session, found, note) {
    const { primary } = session.selection;
    if (found.problem === null) return found.title + note;
    return primary ? [microtome.state.headLabel(primary), found.problem].filter(Boolean).join(": ") : "";
  }

  async function draw() {
    const session = microtome.session();
    if (!session) return;
    const digests = digestsOf(session);
    for (const drawMore of beside) drawMore(session, digests);
    const found = asked(session, digests, besides);
    const { note, wide } = fitting(found, place(), fit());
    const title = titled(session, found, note);
    say(title, found);
    sayWhy(found.problem || (wide ? note.slice(2) : ""));
    askLayer(missingLayer(session, digests) === null);
    const gd = microtome.graph("attention");
    if (gd) await show(gd, found, title, wide);
  }

  let asking = 0;

  /** The server hears of another layer of a long prompt: at once where it is not there yet, after a pause where it only
   * has to know what is shown. */
  function askLayer(there) {
    clearTimeout(asking);
    const ask = () => {
      const layer = missingLayer(microtome.session(), latest);
      if (layer !== null) microtome.setProps("attention-layer", { data: layer });
    };
    if (!there) return ask();
    if (missingLayer(microtome.session(), latest) !== null) asking = setTimeout(ask, PAUSE_MS);
    return undefined;
  }

  const still = (found, window) =>
    Boolean(now()) && keyOf(now(), place()) === keyOf(found, window);

  async function show(gd, found, title, wide) {
    if (found.problem !== null || wide) return put(gd, BLANK);
    const window = place();
    try {
      const source = await sourceOf(found, window);
      const limit = found.by ? (await matrix(keyOf(found, part(window)))).limit : pixels.limitOf(found.signed);
      const scale = scaleOf(limit, found.signed, found.unit || (found.signed ? "Δ attention" : "attention"));
      if (still(found, window)) put(microtome.graph("attention") || gd, source, scale, window);
    } catch {
      if (still(found, window)) gone(gd, title);
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
      const there = addressesOf({ ...session, selection: { primary: head } }, digestsOf(session), microtome.theme());
      if (there) picture(pictureAddress(there, place())).catch(() => null); // drawn when selected
    }
  }

  function setDigests(next, beside) {
    [latest, besides] = [next, beside];
    layers.keep(next);
    draw();
  }

  /** Another window, null for all cells. */
  const zoom = (window) =>
    microtome.dispatch({ type: "set-zoom", zoom: window && !windows.isWhole(window, count()) ? window : null });

  /** The picture that is there is stretched until that of the new window has come. */
  function stretch() {
    const gd = microtome.graph("attention");
    const view = gd ? microtome.attentionView(gd, place()) : {};
    if (Object.keys(view).length) root.Plotly.relayout(gd, view);
  }

  microtome.afterPlot.push((gd, panel) => panel === "attention" && draw());
  microtome.projections.push((now, before) => {
    const { primary } = now.session.selection;
    if (before && before.session.zoom !== now.session.zoom) stretch();
    draw();
    const moved = !before || !microtome.state.sameHead(primary, before.session.selection.primary);
    if (primary && moved) whenIdle(prefetch);
  });
  microtome.attention = {
    draw, wanted, numbers, reading, there, now, setDigests, fetched, shownRun, beside, zoom, place, count,
  };
})(typeof window === "undefined" ? globalThis : window);
