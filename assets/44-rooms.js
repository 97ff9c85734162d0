/* The room of the graphs that the page draws itself: known without measuring, and kept to when it changes. Plotly's own
 * resizing passes over a figure that was given its size.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const MEANWHILE = 60; // ms in which a window that is being dragged is not followed
  const rooms = new WeakMap();
  const watched = new WeakSet();
  const changed = new Set();
  let soon = null;

  const isOff = ({ layout: { width, height } }, room) => width && height && (width !== room.width || height !== room.height);

  function fitAll() {
    for (const gd of changed) if (gd._fullLayout && rooms.has(gd) && isOff(gd, rooms.get(gd))) root.Plotly.relayout(gd, { ...rooms.get(gd) });
    changed.clear();
  }

  const observer = new ResizeObserver((entries) => {
    for (const { target, contentRect: { width, height } } of entries) {
      if (width && height) rooms.set(target, { width, height });
      else rooms.delete(target); // hidden: Plotly measures when it is drawn
      changed.add(target);
    }
    clearTimeout(soon);
    soon = setTimeout(fitAll, MEANWHILE);
  });

  /** {width, height} of a graph, {} while it is hidden or was never asked for. */
  microtome.roomOf = (gd) => {
    if (!watched.has(gd)) observer.observe(gd);
    watched.add(gd);
    return rooms.get(gd) || {};
  };
})(window);
