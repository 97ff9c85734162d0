/* What the *Direction* section asks of the server: null while it is not on screen, and the same while nothing has changed
 * that its panels show, so that no selection of heads and no other section's choice asks anything.
 */
(function (root) {
  "use strict";

  const { chosenDirection } =
    typeof require === "undefined" ? root.microtome.directions : require("./10-directions.js");

  function directionAsked(session) {
    const { view: { workspace, section, show }, selection, residual, directions } = session;
    if (workspace !== "residual" || section !== "direction") return null;
    const { projection, distribution, writers, readers, strength } = residual;
    const { layers, positions, prompt } = selection;
    const names = directions.map(({ name }) => name);
    const chosen = chosenDirection(session);
    return { chosen, names, projection, distribution, writers, readers, strength, layers, positions, prompt, show };
  }

  if (typeof module !== "undefined") module.exports = { directionAsked };
  if (typeof document === "undefined") return;
  root.microtome.asking.push({ id: "direction-asked", of: directionAsked });
  root.microtome.asking.push({ id: "direction-looked", of: chosenDirection }); // what heads are projected on
})(typeof window === "undefined" ? globalThis : window);
