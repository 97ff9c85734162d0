/* What is typed into a picker of tokens: Enter takes it from the list, or as soon as the list is there. What is no token
 * in an answer picker is not forgotten in silence, and Run asks once more. */
(function (root) {
  "use strict";

  const PICKERS = { answer: "Answer", "incorrect-answer": "Instead of" }; // those that Run reads
  const OTHERS = ["lens-tokens", "direction-form-tokens", "direction-form-minus_tokens"];

  /** Why the typed text is not the answer that would be run, and what Run does without it, in one line. */
  function leftOut(label, typed, kept, why, asked) {
    const goesOn = kept.length ? `go on with ${kept.join(", ")}` : "go on without it";
    const next = `Choose a token with Enter, or press Run ${asked ? "again" : "twice"} to ${goesOn}.`;
    return [`${label}: “${typed}” was not chosen from the list.`, why, next].filter(Boolean).join(" ");
  }

  /** What Enter takes of the tokens that were found: what was typed itself, or else the first of them; null of none. */
  function entered(typed, tokens) {
    return tokens.includes(typed) ? typed : tokens[0] || null;
  }

  /** What leaving the field takes: what was typed, where no other token differs from it by its space alone. */
  function meant(typed, tokens) {
    return tokens.includes(typed) && !tokens.includes(` ${typed}`) ? typed : null;
  }

  if (typeof module !== "undefined") module.exports = { leftOut, entered, meant };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const wishes = {}; // picker -> what Enter was pressed on before its tokens were found
  const open = {}; // picker -> what was typed and left: Run has not been pressed after it

  const refuse = (text) => microtome.setProps("refusal", { data: text });
  const readable = (typed) => typed.replaceAll("·", " ");
  const chosen = (picker) => (microtome.propsOf(picker) || {}).value || [];

  /** The picker that an event is in, null where it is in none. */
  const pickerOf = ({ target }) => (PICKERS[target.id] || OTHERS.includes(target.id) ? target.id : null);

  /** {query, tokens, why} that the server found for exactly this text; null while it has not. */
  function foundOf(picker, typed) {
    const { data } = microtome.propsOf(`${picker}-found`) || {};
    return data && data.query === typed ? data : null;
  }

  function choose(picker, token) {
    const { data = [], maxValues } = microtome.propsOf(picker);
    const option = { value: token, label: microtome.shownToken(token) };
    const listed = data.some(({ value }) => value === token) ? data : [...data, option];
    const value = [...new Set([...chosen(picker), token])].slice(0, maxValues);
    microtome.setProps(picker, { data: listed, value, searchValue: "" });
  }

  function sayOpen(asked) {
    const lines = Object.entries(open).map(([picker, { typed, why }]) =>
      leftOut(PICKERS[picker], typed, chosen(picker).map(microtome.shownToken), why, asked));
    refuse(lines.join(" ") || null);
  }

  /** Mantine takes the option that arrows have reached; without one Enter would do nothing. */
  function pressed(event) {
    const picker = pickerOf(event);
    const typed = picker && readable(event.target.value || "");
    if (!picker || event.key !== "Enter" || event.ctrlKey || event.metaKey || !typed.trim()) return;
    if (document.querySelector(".mt-answer-options [data-combobox-selected]")) return;
    event.preventDefault();
    event.stopPropagation();
    const found = foundOf(picker, typed);
    const token = found && entered(typed, found.tokens);
    if (token) choose(picker, token);
    else if (!found) wishes[picker] = typed;
  }

  /** The server has found tokens for what is typed: Enter may have been pressed on it already. */
  function answersFound() {
    for (const [picker, typed] of Object.entries(wishes)) {
      const found = foundOf(picker, typed);
      if (!found) continue;
      delete wishes[picker];
      const token = entered(typed, found.tokens);
      if (token) {
        choose(picker, token);
        answered(picker);
      } else if (open[picker]) {
        open[picker].why = found.why;
        sayOpen(false);
      }
    }
    return root.dash_clientside.no_update;
  }

  function left(event) {
    const picker = pickerOf(event);
    const typed = picker && readable(event.target.value || "");
    if (!picker || !typed.trim()) return;
    const found = foundOf(picker, typed);
    const token = found && meant(typed, found.tokens);
    if (token) {
      setTimeout(() => choose(picker, token)); // the field empties itself first
      return;
    }
    if (!PICKERS[picker]) return;
    open[picker] = { typed: typed.trim(), why: found ? found.why : "" };
    sayOpen(false);
  }

  /** A new choice or new typing answers it. */
  function answered(picker) {
    if (!open[picker]) return;
    delete open[picker];
    sayOpen(false);
  }

  /** New typing answers what Run refused, too. */
  function typedOn(event) {
    if (event.target.closest("#rail textarea") && !Object.keys(open).length) refuse(null);
    delete wishes[event.target.id];
    answered(event.target.id);
  }

  /** The first press says so again, the second one runs. */
  function ran(event) {
    if (!Object.keys(open).length || !event.target.closest || !event.target.closest("#run")) return;
    sayOpen(true);
    for (const picker of Object.keys(open)) delete open[picker];
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  root.addEventListener("keydown", pressed, true);
  document.addEventListener("focusout", left, true);
  document.addEventListener("input", typedOn, true);
  document.addEventListener("click", ran, true);
  microtome.answersFound = answersFound;
})(typeof window === "undefined" ? globalThis : window);
