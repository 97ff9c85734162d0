/* What was typed is not overwritten or changed in silence: filling the prompt set's text asks once more, and a number
 * that a field sets to its limit is said. */
(function (root) {
  "use strict";

  /** What to say of a number that was typed and is another one when its field has been left; null of nothing. */
  function setTo(label, typed, now) {
    const same = typed.trim() === "" || now === "" || Number(typed) === Number(now);
    return same ? null : `${label || "The number"}: ${typed} is outside what it takes, so it is ${now}.`;
  }

  if (typeof module !== "undefined") module.exports = { setTo };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  microtome.setTo = setTo;
  const FILLS = "#template-fill, #prompts-current";
  const STAYS = "The text that you typed stays. Press once more to replace it.";
  let typed = false; // into the prompt set's text, since it was last filled

  function pressed(event) {
    const button = event.target.closest && event.target.closest(FILLS);
    if (!button) return;
    if (typed && document.getElementById("prompts-text").value.trim()) {
      event.stopPropagation();
      microtome.setProps("prompts-refusal", { children: STAYS });
    }
    typed = false;
  }

  /** Fields set their number to a limit when they lose the focus, after this event. */
  function left(event) {
    const field = event.target;
    if (!field.matches || !field.matches(".mantine-NumberInput-input")) return;
    const given = field.value;
    setTimeout(() => {
      const named = field.getAttribute("aria-label") || (field.labels[0] || {}).textContent;
      const said = setTo(named, given, field.value);
      if (said) microtome.notify(said);
    });
  }

  document.addEventListener("click", pressed, true);
  document.addEventListener("focusout", left, true);
  document.addEventListener("input", ({ target }) => { typed = typed || target.id === "prompts-text"; }, true);
})(typeof window === "undefined" ? globalThis : window);
