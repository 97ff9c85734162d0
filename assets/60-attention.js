/* The attention panel: the primary head's map as one picture put into the live figure, without the server's figure.
 *
 * Pictures and numbers have addresses that never change, so each is fetched once and kept; the neighbours of the
 * primary head are fetched while nothing else happens. A picture replaces another once it is there: no flicker.
 */
(function (root) {
  "use strict";

  /** Which run is shown, and which is taken away from it. */
  function shownRun({ view: { show } }, digests) {
    const digest = digests && (show === "baseline" ? digests.baseline : digests.intervened);
    if (!digest || (show === "difference" && !digests.baseline)) return null;
    return { digest, minus: show === "difference" ? digests.baseline : null };
  }

  /** The same, where there is a head to show and its layer is there. */
  function shownDigests(session, digests) {
    if (!session.selection.primary || missingLayer(session, digests) !== null) return null;
    return shownRun(session, digests);
  }

  /** A long prompt has its patterns layer by layer: the layer of the primary head where it is not there yet. */
  function missingLayer({ selection: { primary } }, digests) {
    const layers = digests && digests.layers;
    return layers && primary && !layers.includes(primary.layer) ? primary.layer : null;
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

  /** key -> promise, made once and kept while it is among the `most` last used; failures are not kept. */
  function keeper(make, most) {
    const kept = new Map();
    return (key) => {
      const found = kept.get(key) || make(key);
      kept.delete(key);
      kept.set(key, found);
      found.catch(() => kept.delete(key));
      if (kept.size > most) kept.delete(kept.keys().next().value);
      return found;
    };
  }

  if (typeof module !== "undefined") module.exports = { shownRun, addressesOf, missingLayer, neighbours, keeper };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  const whenIdle = root.requestIdleCallback || ((act) => setTimeout(act, 50));
  const beside = []; // session, digests -> draws what else shows attention
  let digests = null;

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
  const numbers = keeper(async (address) => new Float32Array(await (await fetched(address)).arrayBuffer()), 24);

  const wanted = () => {
    const session = microtome.session();
    return session && addressesOf(session, digests, microtome.theme());
  };

  function put(gd, source) {
    const image = (gd.layout.images || [])[0];
    if (!image || image.source === source) return;
    root.Plotly.relayout(gd, { "images[0].source": source });
    if (source !== BLANK) root.requestAnimationFrame(() => setTimeout(painted));
  }

  function painted() {
    performance.mark("microtome:attention-painted");
    microtome.paintedAt = performance.now();
  }

  function say(text) {
    const place = document.getElementById("attention-head");
    if (place && place.textContent !== text) place.textContent = text;
  }

  async function draw() {
    const gd = microtome.graph("attention");
    const session = microtome.session();
    if (!session) return;
    for (const drawMore of beside) drawMore(session, digests);
    const { primary } = session.selection;
    const title = primary ? microtome.state.headLabel(primary) : "";
    const address = wanted();
    say(title);
    const layer = missingLayer(session, digests);
    if (layer !== null) microtome.setProps("attention-layer", { data: layer });
    if (!gd) return;
    if (!address) return put(gd, BLANK);
    try {
      const source = await picture(address.picture);
      if ((wanted() || {}).picture === address.picture) put(microtome.graph("attention") || gd, source);
    } catch {
      if ((wanted() || {}).picture === address.picture) gone(gd, title);
    }
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

  function setDigests(next) {
    digests = next;
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
  microtome.attention = { draw, wanted, numbers, setDigests, fetched, shownRun, beside };
})(typeof window === "undefined" ? globalThis : window);
