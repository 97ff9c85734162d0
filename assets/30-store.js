/* The live state of the page: opens it, dispatches actions, and writes Dash's stores and the address bar.
 *
 * Every gesture is dispatch(action). What changed is first projected onto the live page (markers, attention image,
 * chips), then written to the stores that callbacks listen to, then to the address: committed experiments as new
 * entries, so that Back works; selections in place.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { reduce, initial, link } = microtome;
  const PARTS = ["experiment", "selection", "view", "sweep", "heads", "notes", "directions", "residual"];
  const LATER = ["selection", "heads", "notes", "residual"];
  const COMMITTING = [
    "set-experiment", "set-model", "set-prompts", "set-base", "intervene", "add-intervention", "set-intervention",
    "toggle-intervention", "remove-intervention",
  ];
  const ADDRESS_PAUSE_MS = 150;
  const SELECTION_PAUSE_MS = 250;

  let current = null;
  let defaultSession = null;
  let facts = null;
  let addressTimer = 0;
  const projections = [];

  // ---- Dash ----------------------------------------------------------------------------------------------------

  /** The current properties of a component, or null while it is not on the page. */
  function propsOf(id) {
    const api = root.dash_component_api;
    if (!api || !api.getLayout) return null;
    try {
      return (api.getLayout(id) || {}).props || null;
    } catch {
      return null; // the layout has not arrived yet
    }
  }

  /** set_props, but only for a component that exists and only for what differs. */
  function setProps(id, props) {
    const now = propsOf(id);
    if (!now) return;
    const differing = Object.entries(props).filter(([name, value]) => !microtome.state.same(now[name], value));
    if (differing.length) root.dash_clientside.set_props(id, Object.fromEntries(differing));
  }

  /** A line in the corner: what was done goes by itself soon, what went wrong later. */
  function notify(message, wrong = false) {
    const look = wrong ? { color: "red", autoClose: 15000 } : { color: "gray", autoClose: 5000 };
    setProps("notifications", { sendNotifications: [{ id: `notice-${Date.now()}`, action: "show", message, ...look }] });
  }

  // ---- the model as far as it is known -------------------------------------------------------------------------

  function shape() {
    const known = facts || {};
    return {
      n_layers: known.n_layers || null,
      n_heads: known.n_heads || null,
      n_key_value_heads: known.n_key_value_heads || null,
      n_positions: (microtome.tokenCount && microtome.tokenCount()) || null,
    };
  }

  function setFacts(next) {
    const before = shape().n_layers;
    facts = next;
    if (!current || !next) return;
    dispatch({ type: "clamp" });
    if (shape().n_layers !== before) project(current, { type: "reproject" }); // lists of layers, of a link that opens
  }

  // ---- the address ---------------------------------------------------------------------------------------------

  const SESSION_KEY = "microtome-session";
  const TOO_LONG = "This session is too long for a link: this browser keeps it, and a reload shows it again. " +
    "Copy the short link to take it elsewhere.";
  const NOT_KEPT = "This session is too long for a link and for this browser: a reload will lose it. " +
    "Copy the short link, which the server keeps.";

  /** The browser keeps what no address can hold; says so once, when it begins. */
  function keep(session) {
    const kept = microtome.remembered.set(SESSION_KEY, JSON.stringify(session));
    if (!kept) notify(NOT_KEPT, true);
    else if (location.hash !== link.KEPT) notify(TOO_LONG);
    return link.KEPT;
  }

  /** What the address stands for: {session, reason}. */
  function addressed() {
    if (location.hash !== link.KEPT) return link.decode(location.hash);
    if (microtome.screen.shown) return link.read(JSON.stringify(defaultSession)); // the screen keeps its own
    const kept = microtome.remembered.get(SESSION_KEY);
    return kept === null ? { session: null, reason: "this browser keeps no session" } : link.read(kept);
  }

  function writeAddress(push) {
    clearTimeout(addressTimer);
    addressTimer = 0;
    const address = link.encode(current.session) || keep(current.session);
    if (address === location.hash) return;
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }

  function writeAddressSoon() {
    if (!addressTimer) addressTimer = setTimeout(() => writeAddress(false), ADDRESS_PAUSE_MS);
  }

  /** A view that the server has saved: {session, reason}. */
  async function saved(view) {
    try {
      const answer = await root.fetch(`${microtome.prefix()}views/${view}.json`);
      const text = await answer.text();
      if (answer.ok) return link.read(text);
      const inside = text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, ""); // of a sentence of the page's own
      return { session: null, reason: answer.status < 500 ? inside : "the server failed; its log says why" };
    } catch {
      return { session: null, reason: "the server that keeps it does not answer" };
    }
  }

  /** Hands over what the address stands for: at once, or when the server has sent it. */
  function withAddressed(act) {
    const view = link.savedIn(location.hash);
    if (view === null) act(addressed());
    else saved(view).then(act);
  }

  function openAddress({ session, reason }) {
    if (reason) notify(`This link could not be read (${reason}); the page stays as it was.`, true);
    else dispatch({ type: "open", session: session || defaultSession, address: "written" });
  }

  // ---- dispatch ------------------------------------------------------------------------------------------------

  let written = null;
  let storeTimer = 0;
  let number = 0;
  let asked = 0;
  let swept = 0;

  const run = ({ model, prompt, base }) => [model, prompt, base];

  /** Another experiment; of another prompt or model, it is `asked` anew, and `swept` where sweeps are others, which
   *  another prompt of the same set on screen does not make them. */
  function count(before) {
    number += 1;
    if (!before || !microtome.state.same(run(before), run(written.experiment))) asked = number;
    if (!before || !microtome.state.same(microtome.state.swept(before), microtome.state.swept(written.experiment))) swept = number;
  }

  /** A part as its store has it; experiments are numbered, so that what is drawn can say of which it is. */
  const stored = (part) => (part === "experiment" ? { ...written[part], number } : written[part]);

  /** Panels that know nothing of workspaces hear these instead of the view, so that they are drawn again only for what
   * they show. */
  const OF_VIEW = {
    shown: ({ show }) => show,
    attended: ({ show, attention }) => ({ show, attention }),
  };

  function writeParts(before) {
    for (const [id, of] of Object.entries(OF_VIEW)) {
      const changed = !before || !microtome.state.same(of(before.view), of(written.view));
      if (changed) root.dash_clientside.set_props(id, { data: of(written.view) });
    }
  }

  /** The selection as panels of one workspace hear it: no server is asked on behalf of what is not on screen. Written
   * before the view, so that who hears both finds both. */
  const SELECTED_IN = { "selected-patch": "patch", "selected-attention": "attention" };
  const heard = {};

  function writeSelected() {
    const { selection, view } = written;
    for (const [id, workspace] of Object.entries(SELECTED_IN)) {
      if (view.workspace !== workspace || heard[id] === selection) continue;
      heard[id] = selection;
      root.dash_clientside.set_props(id, { data: selection });
    }
  }

  function writeStores() {
    clearTimeout(storeTimer);
    const changed = PARTS.filter((part) => !written || written[part] !== current.session[part]);
    const before = written;
    const shown = written && written.selection.prompt;
    written = current.session;
    if (changed.includes("experiment")) count(before && before.experiment);
    microtome.tellPanels(written);
    writeSelected();
    for (const part of changed) root.dash_clientside.set_props(part, { data: stored(part) });
    writeParts(before);
    microtome.writeAsked(written);
    const { prompt } = written.selection;
    if (prompt !== shown) root.dash_clientside.set_props("prompt-shown", { data: prompt });
    const more = !before || before.zoom !== written.zoom || before.plate !== written.plate; // of no store of their own
    if (changed.length || more) root.dash_clientside.set_props("session", { data: written });
  }

  /** Before the model is there no callback can do anything, and Dash takes seconds to ask them all: stores are written
   * for the first time together with its status, so that all are asked once. */
  let released = false;

  function release() {
    if (released) return;
    released = true;
    writeStores();
  }

  /** Everything of the present experiment, under a new number: answers of a server that went never came, and what it
   * had answered is not told again under the old one. */
  function askAgain() {
    if (!written) return;
    number += 1;
    microtome.tellPanels(written);
    root.dash_clientside.set_props("experiment", { data: stored("experiment") });
  }

  /** The page itself shows another selection or other numbers of heads, and a store costs Dash a walk over the page:
   * that waits for a pause. */
  function writeStoresInTime() {
    if (!released) return undefined;
    const waits = (part) => LATER.includes(part) || (written && written[part] === current.session[part]);
    if (!PARTS.every(waits)) return writeStores();
    microtome.tellPanels(current.session);
    clearTimeout(storeTimer);
    storeTimer = setTimeout(writeStores, SELECTION_PAUSE_MS);
    return undefined;
  }

  /** Text and switches of plain elements whose content Dash leaves alone; a store would cost a walk over the page. */
  function write(id, properties) {
    const element = document.getElementById(id);
    if (element) Object.assign(element, properties);
  }

  function project(before, action) {
    for (const projection of projections) {
      try {
        projection(current, before, action);
      } catch (error) {
        root.reportError(error); // one broken view must not freeze the others
      }
    }
  }

  function move(next, action) {
    const before = current;
    current = next;
    project(before, action);
    writeStoresInTime();
  }

  function dispatch(action) {
    if (!current) return;
    if (action.type in microtome.state.SELECTING) performance.mark("microtome:select");
    const opening = action.type === "open";
    const next = reduce(current, action, opening ? { ...shape(), n_positions: null } : shape());
    if (next === current) return;
    if (addressTimer && COMMITTING.includes(action.type)) writeAddress(false);
    move(next, action);
    if (COMMITTING.includes(action.type) || (opening && action.address !== "written")) writeAddress(true);
    else if (action.address !== "written") writeAddressSoon();
  }

  // ---- opening the page ----------------------------------------------------------------------------------------

  function open({ session, reason }) {
    move(initial(session || defaultSession, shape()), { type: "open" });
    if (reason) {
      const message = `This link could not be read (${reason}); showing the default example instead.`;
      history.replaceState(null, "", location.pathname + location.search);
      notify(message, true);
    }
    root.addEventListener("popstate", () => withAddressed(openAddress));
    document.documentElement.dataset.microtome = "open";
    document.dispatchEvent(new Event("microtome:open"));
  }

  /** Whether Dash takes values already: while it still hydrates, its layout can be read but set_props throws. */
  function takesValues() {
    try {
      root.dash_clientside.set_props("sink-model", { data: null });
      return true;
    } catch {
      return false;
    }
  }

  /** Dash draws the page after this script has run: look once per frame until its stores are there. */
  function waitForStores() {
    const store = propsOf("session");
    if (!store || !store.data || !propsOf("view") || !takesValues()) {
      root.requestAnimationFrame(waitForStores);
      return;
    }
    microtome.screen.opening(store.data, (session) => {
      defaultSession = session;
      withAddressed(open);
    });
  }

  /** The page's address with this session in it; null where it is too long. */
  function address() {
    const found = link.encode(current.session);
    return found && microtome.screen.address() + found;
  }

  Object.assign(microtome, {
    dispatch, release, writeStores, projections, propsOf, setProps, write, notify, setFacts, shape,
    reproject: () => current && project(current, { type: "reproject" }),
    session: () => current && current.session,
    current: () => current,
    numbers: () => ({ number, asked, swept }),
    askAgain,
    address,
    whenOpen: (act) => (current ? act() : document.addEventListener("microtome:open", act, { once: true })),
  });
  waitForStores();
})(window);
