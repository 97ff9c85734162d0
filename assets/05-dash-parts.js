/* Two things that cost Dash most of the time of opening a page and of every change, without a change to be seen.
 *
 * It looks at every part of the page at every step that it takes: a page of 1,400 parts opens in 3,200 steps, of which
 * 300 change what a part shows; the others note which callbacks wait, run and have ended. Parts hear of those once, when
 * the steps that follow each other are over. What changes a part's properties is heard at once, as before, so that
 * fields can be typed into.
 *
 * Of components that are marked `dashChildrenUpdate` (menus, tooltips) it also compares all paths that have ever changed
 * with their own. They are marked so that they are drawn again when what is inside them changes; here nothing inside a
 * menu ever changes, and what is inside a tooltip draws itself.
 */
(function (root) {
  "use strict";

  /** A listener that hears of steps together, but at once where `urgent(state before, state now)`. */
  function patient(getState, listener, urgent, later = queueMicrotask) {
    let heard = getState();
    let waits = false;
    const tell = () => {
      heard = getState();
      listener();
    };
    return () => {
      const now = getState();
      if (now === heard) return;
      if (urgent(heard, now)) tell();
      else if (!waits) {
        waits = true;
        later(() => {
          waits = false;
          if (getState() !== heard) tell();
        });
      }
    };
  }

  if (typeof module !== "undefined") module.exports = { patient };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const changesParts = (before, now) => before.layout !== now.layout;

  /** Dash makes one store and puts it here before any part of the page listens to it. */
  root.dash_stores = root.dash_stores || [];
  root.dash_stores.push = (store) => {
    const { subscribe, getState } = store;
    store.subscribe = (listener) => subscribe(patient(getState, listener, changesParts));
    return Array.prototype.push.call(root.dash_stores, store);
  };

  for (const component of Object.values(root.dash_mantine_components || {})) {
    if (component && component.dashChildrenUpdate) delete component.dashChildrenUpdate;
  }
})(typeof window === "undefined" ? globalThis : window);
