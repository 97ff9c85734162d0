/* What is drawn of another experiment than the present one is dimmed, and says what is awaited, until it is redrawn.
 *
 * The page numbers its experiments (30-store.js); the server hands the number through digests to what it draws, as a
 * class `of-17` (callbacks/reading.py). An older number is stale; what has none is words, which belong to no run.
 */
(function (root) {
  "use strict";

  /** Whether any of these classes names an experiment before this number. */
  function isStale(classNames, since) {
    const of = classNames.map((name) => /(?:^| )of-(\d+)(?: |$)/.exec(name || "")).filter(Boolean);
    return of.some(([, number]) => Number(number) < since);
  }

  /** One line: what must come before the panel is of the present experiment. */
  function awaited(status) {
    const busy = status && status.phase !== "ready";
    return `before the change · ${busy ? status.message || status.phase : "computing"}`;
  }

  if (typeof module !== "undefined") module.exports = { isStale, awaited };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  /** What changes with every experiment, and what only with its model and prompt. */
  const OF_RUN = ".mt-panel, #meters";
  const OF_PROMPT = "#token-strip, #token-diff, #provenance, #model-facts";
  /** What is of a whole prompt set, whichever of its prompts is on screen. */
  const OF_SET = "#sweep-map-panel, #against-panel, #against-2-panel, #against-3-panel, #strip-panel, #paths-panel, #self-repair-panel";
  const DRAWN = `${OF_RUN}, ${OF_PROMPT}`;

  function mark(element) {
    const { firstElementChild: first } = element;
    const { number, asked, swept } = microtome.numbers();
    const since = element.matches(OF_SET) ? swept : element.matches(OF_RUN) ? number : asked;
    const stale = isStale([element.className, first && first.className], since);
    element.toggleAttribute("data-stale", stale);
    const body = element.querySelector(":scope > .mt-panel-body");
    if (body && stale) body.dataset.awaits = awaited((microtome.propsOf("status") || {}).data);
    else if (body) delete body.dataset.awaits;
  }

  const markAll = () => document.querySelectorAll(DRAWN).forEach(mark);
  const redrawn = new MutationObserver((changes) => new Set(changes.map(({ target }) => target)).forEach(mark));

  microtome.whenOpen(() => {
    for (const element of document.querySelectorAll(DRAWN)) {
      redrawn.observe(element, { attributes: true, attributeFilter: ["class"], childList: true });
    }
  });
  microtome.markStale = markAll;
  microtome.projections.push(({ session }, before) => {
    if (before && before.session.experiment !== session.experiment) setTimeout(markAll); // once it has its number
  });
})(typeof window === "undefined" ? globalThis : window);
