/* What sections of a workspace ask of the server, each in a store of its own.
 *
 * Whoever asks adds {id, of(session)}; `of` is null while the section is not on screen. Written after the parts of the
 * session (30-store.js), so that a callback that hears one of these finds the parts as they are now, and never for what
 * its panels do not show.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const told = {};
  microtome.asking = [];

  microtome.writeAsked = (session) => {
    for (const { id, of } of microtome.asking) {
      const data = of(session);
      if (microtome.state.same(id in told ? told[id] : null, data)) continue; // stores begin empty
      told[id] = data;
      root.dash_clientside.set_props(id, { data });
    }
  };
})(window);
