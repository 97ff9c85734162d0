/* What the *Direction* section asks of the server: null while it is not on screen, and the same while nothing has changed
 * that its panels show, so that no selection of heads and no other section's choice asks anything.
 */
(function (root) {
  "use strict";

  const { chosenDirection, missingDirection } =
    typeof require === "undefined" ? root.microtome.directions : require("./10-directions.js");

  const isOpen = ({ view: { workspace, section } }) => workspace === "residual" && section === "direction";
  const last = (list) => (list.length ? list[list.length - 1] : null);

  /** A name that no direction has is said, too. */
  const chosenOrName = (session) => chosenDirection(session) || missingDirection(session);

  /** The strength curve, which comes with every metric. */
  function directionAsked(session) {
    if (!isOpen(session)) return null;
    const { view: { show }, selection: { layers, positions }, residual: { strength: { metric, ...strength } } } = session;
    return { chosen: chosenOrName(session), strength, layers, positions, show };
  }

  /** Panel -> what it shows of the chosen direction. */
  const SHOWN = {
    projection: ({ residual: { projection } }) => ({ projection }),
    writers: ({ residual: { writers }, selection: { layers, positions } }) => ({ writers, at: [last(layers), last(positions)] }),
    readers: () => ({}),
    distribution: ({ residual: { projection }, selection: { layers, positions } }) =>
      ({ projection, at: [last(layers), last(positions)] }),
    "direction-card": ({ directions }) => ({ directions }),
  };
  const panelAsked = (panel) => (session) =>
    (isOpen(session) ? { chosen: chosenOrName(session), ...SHOWN[panel](session) } : null);

  if (typeof module !== "undefined") module.exports = { directionAsked, panelAsked };
  if (typeof document === "undefined") return;
  const { microtome } = root;
  microtome.asking.push({ id: "direction-asked", of: directionAsked });
  let looked = null; // what heads are projected on: they are not in this workspace, and hear of it when they are shown
  const lookedAt = (session) => {
    if (session.view.workspace !== "residual") looked = chosenDirection(session);
    return looked;
  };
  microtome.asking.push({ id: "direction-looked", of: lookedAt });
  for (const panel of Object.keys(SHOWN)) {
    const drawing = panel === "direction-card" ? { draw: microtome.drawDirectionCard } : {};
    microtome.askPanel(panel, panelAsked(panel), drawing);
  }
})(typeof window === "undefined" ? globalThis : window);
