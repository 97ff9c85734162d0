/* What is typed into an answer picker and is no token: it is not forgotten in silence, and Run asks once more. */
(function (root) {
  "use strict";

  const PICKERS = { answer: "Answer", "incorrect-answer": "Instead of" };

  /** Why the typed text is not the answer that would be run, in one line. */
  function leftOut(label, typed, kept, why) {
    const goesOn = kept.length ? `goes on with ${kept.join(", ")}` : "goes on without it";
    return `${label}: “${typed}” was not chosen from the list, and Run ${goesOn}. ${why}`.trim();
  }

  if (typeof module !== "undefined") module.exports = { leftOut };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  let said = null; // what Run has not been pressed after

  const refuse = (text) => microtome.setProps("refusal", { data: text });

  function left(event) {
    const label = PICKERS[event.target.id];
    const typed = label && (event.target.value || "").trim();
    if (!typed) return;
    const { value, nothingFoundMessage: why = "" } = microtome.propsOf(event.target.id) || {};
    said = leftOut(label, typed, (value || []).map(microtome.shownToken), why);
    refuse(said);
  }

  /** A new choice or new typing answers it. */
  function answered(event) {
    if (!said || !PICKERS[event.target.id]) return;
    said = null;
    refuse(null);
  }

  /** The first press says so again, the second one runs. */
  function pressed(event) {
    if (!said || !event.target.closest || !event.target.closest("#run")) return;
    refuse(said);
    said = null;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  document.addEventListener("focusout", left, true);
  document.addEventListener("input", answered, true);
  document.addEventListener("click", pressed, true);
})(typeof window === "undefined" ? globalThis : window);
