/* What sections of a workspace ask of the server.
 *
 * Whoever asks adds {id, of(session)}; `of` is null while the section is not on screen. It is written to a store of its own
 * after the parts of the session (30-store.js), so that a callback that hears one of these finds the parts as they are
 * now, and never for what its panels do not show. Panels that the page draws itself have `tell` (45-asked-panels.js):
 * they hear at once, before any store.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const told = {};
  microtome.asking = [];

  /** What has changed of these, noted as told. */
  function news(entries, session) {
    const found = entries.map((entry) => ({ ...entry, data: entry.of(session) }))
      .filter(({ id, data }) => !microtome.state.same(id in told ? told[id] : null, data)); // all begin empty
    for (const { id, data } of found) told[id] = data;
    return found;
  }

  microtome.writeAsked = (session) => {
    const stores = microtome.asking.filter(({ tell }) => !tell);
    for (const { id, data } of news(stores, session)) root.dash_clientside.set_props(id, { data });
  };

  microtome.tellPanels = (session) => {
    const panels = microtome.asking.filter(({ tell }) => tell);
    for (const { tell, data } of news(panels, session)) tell(data);
  };
})(window);
