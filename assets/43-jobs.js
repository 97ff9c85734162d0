/* What the server computes and what waits for its turn, as the header counts and its tooltip lists it: pure. */
(function (root) {
  "use strict";

  const MOST = 12; // lines of each list

  /** Equal names once, with their count, in the order of their first turn. */
  function listed(names) {
    const counts = new Map();
    for (const name of names) counts.set(name, (counts.get(name) || 0) + 1);
    const lines = [...counts].map(([name, count]) => `· ${name}${count > 1 ? ` × ${count}` : ""}`);
    return lines.length > MOST ? [...lines.slice(0, MOST), `· and ${lines.length - MOST} more`] : lines;
  }

  const part = (title, names) => (names.length ? [title, ...listed(names)] : []);

  /** {running, waiting}: names of computations, of everybody on this server -> what the header says. */
  function jobsSaid({ running, waiting }) {
    const waits = waiting.length ? `, ${waiting.length} waiting` : "";
    const title = [...part("Running on this server, of everybody:", running), ...part("Waiting for their turn:", waiting)].join("\n");
    return { textContent: running.length + waiting.length ? `${running.length} running${waits}` : "", title };
  }

  (root.microtome = root.microtome || {}).jobsSaid = jobsSaid;
  if (typeof module !== "undefined") module.exports = { jobsSaid };
})(typeof window === "undefined" ? globalThis : window);
