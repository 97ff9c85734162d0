/* A page that Python shows (app/beside.py): its address names a screen on the server, which gives the session that the
 * page opens with and hears what is on it from then on. A page without that name tells nothing. */
(function (root) {
  "use strict";

  const PAUSE_MS = 150;
  const NAME = "screen";

  /** Tells the newest state: `send(state)` promises whether it was heard, or fails. Of many states in one pause the last
   *  one is sent, none twice, and one at a time, so that none arrives after a newer one. */
  class Teller {
    constructor(send, gone, wait = (act) => setTimeout(act, PAUSE_MS)) {
      Object.assign(this, { send, gone, wait, newest: null, told: null, underway: false, over: false });
    }

    hear(state) {
      this.newest = state;
      this.soon();
    }

    soon() {
      if (this.underway || this.over || this.newest === this.told) return;
      this.underway = true;
      this.wait(() => this.tell());
    }

    async tell() {
      const state = this.newest;
      try {
        this.over = !(await this.send(state));
        this.told = state;
      } catch {
        // the server is away; it is told again after a pause
      }
      this.underway = false;
      if (this.over) this.gone();
      else this.soon();
    }
  }

  if (typeof module !== "undefined") module.exports = { Teller };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const query = new URLSearchParams(location.search);
  const token = query.get(NAME);
  const place = () => `${microtome.prefix()}screen/${encodeURIComponent(token)}`;

  /** The screen's session where the server knows it. */
  async function given(example) {
    try {
      const found = await (await fetch(place(), { cache: "no-store" })).text();
      return microtome.link.read(found).session || example;
    } catch {
      return example;
    }
  }

  /** `open` with what stands in the place of the example. */
  const opening = (example, open) => (token === null ? open(example) : given(example).then(open));

  async function send(session) {
    const answer = await fetch(place(), { method: "POST", body: JSON.stringify(session) });
    if (!answer.ok) throw new Error(answer.statusText);
    return answer.json();
  }

  const gone = () => microtome.notify("Python no longer listens to this page. It works as before; show it again to select for Python.");

  /** The page's address without the name of its screen: a link is for others. */
  function address() {
    const others = new URLSearchParams(query);
    others.delete(NAME);
    const said = others.toString();
    return location.origin + location.pathname + (said && `?${said}`);
  }

  microtome.screen = { shown: token !== null, opening, address };
  if (token === null) return;
  document.addEventListener("microtome:open", () => {
    const teller = new Teller(send, gone);
    microtome.projections.push(({ session }) => teller.hear(session));
    teller.hear(microtome.session());
  }, { once: true });
})(typeof window === "undefined" ? globalThis : window);
