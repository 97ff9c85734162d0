/* What a person writes about heads: [{head: {layer, head}, text}], app.domain.role_notes as JSON. Pure steps.
 *
 * One note per head, in the order of the model; an empty text takes the note away, a long one is cut.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const MOST_CHARACTERS = 500; // app.domain.role_notes.MOST_CHARACTERS
  const { isIndex, sameHead } = state;

  const isHead = (value) => typeof value === "object" && value !== null && isIndex(value.layer) && isIndex(value.head);
  const isNote = (note) =>
    typeof note === "object" && note !== null && isHead(note.head) && typeof note.text === "string";
  const isNotes = (value) => Array.isArray(value) && value.every(isNote);

  /** Characters as Python counts them, so that a cut never splits one. */
  const cut = (text) => [...text].slice(0, MOST_CHARACTERS).join("");

  const inOrder = (a, b) => a.head.layer - b.head.layer || a.head.head - b.head.head;

  /** Notes on heads that the model has, one each, none of them empty. */
  function completeNotes(given, model) {
    const found = [];
    for (const { head, text } of isNotes(given) ? given : []) {
      const exists = isIndex(head.layer, model.n_layers) && isIndex(head.head, model.n_heads);
      if (!exists || !text.trim() || found.some((note) => sameHead(note.head, head))) continue;
      found.push({ head: { layer: head.layer, head: head.head }, text: cut(text) });
    }
    return found.sort(inOrder);
  }

  const noteOn = (notes, head) => ((notes || []).find((note) => sameHead(note.head, head)) || { text: "" }).text;

  function setNote(session, { head, text }, model) {
    if (!isNote({ head, text })) return session;
    const others = (session.notes || []).filter((note) => !sameHead(note.head, head));
    return { ...session, notes: completeNotes([...others, { head, text }], model) };
  }

  root.microtome.notes = { MOST_CHARACTERS, isNotes, completeNotes, noteOn, NOTING: { "set-note": setNote } };
  if (typeof module !== "undefined") module.exports = root.microtome.notes;
})(typeof window === "undefined" ? globalThis : window);
