/* The page around the panels: how far the server is, light and dark, the link. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { setProps, write, propsOf, notify } = microtome;
  const SOON_MS = 300;
  const LATER_MS = 5000;
  const THEME_KEY = "microtome-theme";

  /** The path under which the page is served, from Dash's own configuration; always ends with a slash. */
  const prefix = (() => {
    let found = null;
    return () => {
      const config = document.getElementById("_dash-config");
      if (found === null && config) found = JSON.parse(config.textContent).requests_pathname_prefix;
      return found || "/";
    };
  })();

  // ---- status --------------------------------------------------------------------------------------------------

  let polled = null; // the model that the last answer was about
  let away = false; // whether it was on its way then
  let returned = false; // whether the server was gone, perhaps with what was asked of it
  let reachable = true;

  const modelKey = () => JSON.stringify(microtome.session().experiment.model);

  function unreachable() {
    if (!reachable) return;
    reachable = false;
    write("banner-text", { textContent: "The server does not answer. What is on screen stays; trying again." });
    write("banner", { hidden: false });
  }

  function reached() {
    if (reachable) return;
    reachable = true;
    returned = true;
    write("banner", { hidden: true });
    microtome.askWaiting();
  }

  /** The store hears of a model that is ready or failed, because every analysis asks again then, and Dash is busy for
   * seconds with all of them; the words on the way there and the counters go straight to their places. */
  function publish(key, { queue, cache, ...status }) {
    if (key !== modelKey()) return;
    const onTheWay = status.phase === "loading" || status.phase === "starting";
    if (onTheWay) write("phase", { textContent: status.message });
    else publishStatus(status);
    away = onTheWay;
    if (polled !== key || status.phase === "ready") microtome.setFacts(status.facts);
    polled = key;
    publishCounters(queue, cache);
  }

  function publishStatus(status) {
    microtome.release();
    if (returned) microtome.askAgain();
    returned = false;
    const news = away || !microtome.state.same(propsOf("status").data, status);
    if (!news) return;
    setProps("status", { data: status });
    microtome.askWaiting();
  }

  function publishCounters(queue, { hits, misses }) {
    write("jobs", microtome.jobsSaid(queue));
    const title = `${hits} of ${hits + misses} results since the server started were there already: in memory or on disk`;
    write("cache", { textContent: `cache ${hits}/${hits + misses}`, title });
  }

  async function ask() {
    const key = modelKey();
    try {
      const asked = polled === key ? "" : "&asked=1"; // a page that opens or a model just chosen; Run asks by itself
      const place = `${prefix()}status?model=${encodeURIComponent(key)}${asked}`;
      const answer = await fetch(place, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const status = await answer.json();
      reached();
      publish(key, status);
      return status.phase === "ready" || status.phase === "failed" ? LATER_MS : SOON_MS;
    } catch {
      unreachable(); // fetch failed: the server is away or restarting
      return 1000;
    }
  }

  let timer = 0;
  let asking = 0;

  async function poll() {
    clearTimeout(timer);
    const turn = (asking += 1);
    const pause = await ask();
    if (turn === asking) timer = setTimeout(poll, pause);
  }

  microtome.projections.push((now, before) => {
    const changed = before && now.session.experiment.model !== before.session.experiment.model;
    if (!changed || microtome.state.same(now.session.experiment.model, before.session.experiment.model)) return;
    microtome.setFacts(null);
    setTimeout(poll);
  });

  // ---- light and dark ------------------------------------------------------------------------------------------

  const theme = () => document.body.dataset.theme || "light";

  function remember(mode) {
    microtome.remembered.set(THEME_KEY, mode);
    document.cookie = `${THEME_KEY}=${mode}; path=${prefix()}; max-age=31536000; SameSite=Lax`;
  }

  const templateOf = (mode) => ((propsOf("templates") || {}).data || {})[mode];

  const template = () => templateOf(theme());

  const ink = (template) => template && template.layout && template.layout.font && template.layout.font.color;

  /** Figures that the server drew for the other theme are dressed again; nothing is computed for that. */
  function dress(gd) {
    if (isUndressed(gd)) root.Plotly.relayout(gd, { template: template() });
  }

  function isUndressed(gd) {
    const worn = gd.layout && gd.layout.template;
    return Boolean(template() && worn && ink(worn) !== ink(template()));
  }

  /** What is on screen, one figure at a time so that the hand is not held up; others when they are shown. */
  function dressNext() {
    const undressed = microtome.allGraphs().find((gd) => gd.offsetParent && isUndressed(gd));
    if (!undressed) return performance.mark("microtome:dressed");
    dress(undressed);
    return setTimeout(dressNext);
  }

  function applyTheme(mode) {
    document.body.dataset.theme = mode;
    document.body.dataset.agThemeMode = mode;
    document.documentElement.dataset.mantineColorScheme = mode;
    microtome.attention.draw();
    setTimeout(dressNext);
    setTimeout(() => setProps("mantine", { forceColorScheme: theme() }));
  }

  function switchTheme() {
    const mode = theme() === "dark" ? "light" : "dark";
    remember(mode);
    applyTheme(mode);
  }

  microtome.afterPlot.push(dress);
  microtome.projections.push(({ session: { view } }, before) => {
    if (before && before.session.view.workspace !== view.workspace) setTimeout(dressNext);
  });

  // ---- link ----------------------------------------------------------------------------------------------------

  /** Where the clipboard is not allowed (plain http on another machine), the old way. */
  function copyBySelection(text) {
    const field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }

  /** Whether the text is in the clipboard now. */
  function copyText(text) {
    const allowed = navigator.clipboard && root.isSecureContext;
    const written = allowed ? navigator.clipboard.writeText(text) : Promise.reject(new Error("not allowed here"));
    return written.then(() => true, () => copyBySelection(text));
  }

  async function copyLink() {
    const address = microtome.address();
    if (!address) {
      notify("This session is too long for a link. Copy the short one, which this server keeps, or export the session.", true);
      return;
    }
    const copied = await copyText(address);
    const done = "Link copied: it holds the model, the prompts, the interventions, the sweep and the selection.";
    notify(copied ? done : `Copy this link: ${address}`);
  }

  /** The server keeps the session, and its address is short. */
  async function copyShortLink() {
    try {
      const answer = await root.fetch(`${prefix()}views`, { method: "POST", body: JSON.stringify(microtome.session()) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(answer.status < 500 ? text : "The server failed; its log says why.");
      const address = `${location.origin}${prefix()}v/${JSON.parse(text).view}`;
      const copied = await copyText(address);
      notify(copied ? `Short link copied: ${address}. This server keeps the view.` : `Copy this link: ${address}`);
    } catch (error) {
      const away = error instanceof TypeError; // fetch failed
      notify(away ? "The server does not answer, so nothing was saved; the long link needs no server." : error.message, true);
    }
  }

  Object.assign(microtome, { copyShortLink, prefix, theme, template, switchTheme, copyText, copyLink, poll });
  microtome.whenOpen(() => {
    const preferred = root.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    applyTheme(microtome.remembered.get(THEME_KEY) || preferred);
    poll();
  });
})(window);
