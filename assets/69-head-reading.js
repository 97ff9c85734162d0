/* The reading of a head that is no longer the primary one, or of another query, is dimmed until its own is there. */
(function (root) {
  "use strict";

  /** Whether what is drawn (`L5H1 from 3 ·to, baseline`) is of this selection; END is the query where none is selected. */
  function isOf(said, { primary, positions }, label, last) {
    if (!said || !primary) return true;
    const query = positions.length ? positions[positions.length - 1] : last;
    return said.startsWith(query === null ? `${label} from ` : `${label} from ${query} `);
  }

  if (typeof module !== "undefined") module.exports = { isOf };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;

  function mark() {
    const panel = document.getElementById("head-reading-panel");
    const of = document.getElementById("head-reading-of");
    const session = microtome.session();
    if (!panel || !of || !session) return;
    const { primary } = session.selection;
    const count = microtome.shape().n_positions;
    const last = session.experiment.base === "clean" && count ? count - 1 : null;
    const own = isOf(of.textContent, session.selection, primary && microtome.state.headLabel(primary), last);
    panel.toggleAttribute("data-behind", !own);
  }

  microtome.projections.push(mark);
  microtome.whenOpen(() => {
    const of = document.getElementById("head-reading-of");
    if (of) new MutationObserver(mark).observe(of, { childList: true, characterData: true, subtree: true });
  });
})(typeof window === "undefined" ? globalThis : window);
