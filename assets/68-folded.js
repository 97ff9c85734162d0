/* Panels of the Ablate & patch workspace that nothing is asked of yet are one line (assets/35-patch.css). */
(function (root) {
  "use strict";

  /** Panel -> whether nothing is asked of it. An estimate alone has its exact values beside it. */
  const FOLDED = {
    against: ({ sweep }) => sweep.method !== "estimate" && ![].concat(sweep.against || []).length,
    strip: ({ experiment }) => experiment.prompts.length < 2,
    "self-repair": ({ experiment }) => !experiment.interventions.some(({ on }) => on),
  };

  /** The panels that are one line in this session. */
  const folded = (session) => Object.keys(FOLDED).filter((panel) => FOLDED[panel](session));

  if (typeof module !== "undefined") module.exports = { folded };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;

  function fold({ session }) {
    const lines = folded(session);
    let changed = false;
    for (const panel of Object.keys(FOLDED)) {
      const section = document.getElementById(`${panel}-panel`);
      const line = lines.includes(panel);
      if (!section || section.hasAttribute("data-folded") === line) continue;
      section.toggleAttribute("data-folded", line);
      changed = true;
    }
    if (changed) root.requestAnimationFrame(() => microtome.resizeAll());
  }

  microtome.projections.push(fold);
})(typeof window === "undefined" ? globalThis : window);
