/* The card of the primary head: its rows out of those of all heads, so that it follows the selection without a request.
 *
 * The store `head-card` holds the rows (app/domain/head_card.py: plain): {heads, rows: [{group, title, unit, signed,
 * reading, values, background, differs}], lacking, of}. Notes are the session's (10-role-notes.js).
 */
(function (root) {
  "use strict";

  const node = typeof require !== "undefined";
  const { spoken } = node ? require("./61-readout.js") : { spoken: null };
  const words = (value, signed) => (node ? spoken : root.microtome.spoken)(value === null ? NaN : value, signed);
  const full = (value) => (value === null ? "not computed" : String(value).replace("-", "−"));

  /** The lines of one head: {group, title, unit, here, usual, differs, tip}; usual is null where nothing is compared. */
  function linesOf({ heads, rows }, { layer, head }) {
    const at = layer * heads + head;
    const exists = head < heads && rows.length > 0 && at < rows[0].values.length;
    return exists ? rows.map((row) => lineOf(row, at)) : [];
  }

  function lineOf({ group, title, unit, signed, reading, values, background, differs }, at) {
    const usual = background && words(background[at], signed);
    const exact = `${full(values[at])}${background ? `, on background texts ${full(background[at])}` : ""} ${unit}`;
    return {
      group, title, unit, here: words(values[at], signed), usual, differs: differs.includes(at),
      tip: `${title}: ${exact}. ${reading}`,
    };
  }

  /** What this prompt has that the head does not usually do, in words; empty where there is nothing. */
  function warning(lines) {
    const unlike = lines.filter(({ differs }) => differs).map(({ title, here, usual }) => `${title} ${here}, there ${usual}`);
    return unlike.length ? `Not as on background texts: ${unlike.join("; ")}.` : "";
  }

  /** The card as plain text. */
  function asText(label, of, lines, lacking, note, tokens = []) {
    const parts = [`${label}${of ? ` · ${of}` : ""}`];
    for (const [words, text] of tokens) parts.push(`${words} ${text}`);
    let group = null;
    for (const line of lines) {
      if (line.group !== group) parts.push("", line.group);
      group = line.group;
      const usual = line.usual === null ? "" : ` (background texts ${line.usual})`;
      parts.push(`  ${line.title}: ${line.here} ${line.unit}${usual}${line.differs ? ", differs much" : ""}`);
    }
    if (lacking) parts.push("", lacking);
    if (note) parts.push("", `Role: ${note}`);
    return parts.join("\n");
  }

  if (node) module.exports = { linesOf, warning, asText };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { headLabel, sameHead } = microtome.state;
  const TYPING_PAUSE_MS = 900;
  let card = null;

  const primary = () => microtome.session() && microtome.session().selection.primary;
  const noteOf = (head) => microtome.notes.noteOn(microtome.session().notes, head);

  function element(tag, className, text = "") {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  }

  const cell = (text) => (text === "not computed" ? "—" : text || ""); // as narrow as a number; the tip has the words

  function lineElement({ title, here, usual, differs, unit, tip }) {
    const row = element("tr", differs ? "is-unlike" : "");
    row.title = tip;
    const named = element("th", "", title);
    named.scope = "row";
    row.append(named, element("td", "mt-number", cell(here)), element("td", "mt-number", cell(usual)), element("td", "mt-unit", unit));
    return row;
  }

  function headingElement(text, compared) {
    const row = element("tr", "mt-card-group");
    const named = element("th", "", text);
    named.scope = "rowgroup";
    named.colSpan = compared ? 1 : 4;
    row.append(named);
    if (compared) row.append(...["here", "background", ""].map((word) => element("td", "mt-number", word)));
    return row;
  }

  function tableOf(lines) {
    const table = element("table");
    for (const group of new Set(lines.map((line) => line.group))) {
      const own = lines.filter((line) => line.group === group);
      const body = element("tbody");
      body.append(headingElement(group, own.some(({ usual }) => usual !== null)), ...own.map(lineElement));
      table.append(body);
    }
    return table;
  }

  function drawRows(head) {
    const place = document.getElementById("card-rows");
    if (!place) return;
    const lines = card && head ? linesOf(card, head) : [];
    const said = warning(lines);
    const parts = [tableOf(lines)];
    if (said) parts.unshift(element("p", "mt-card-warning", said));
    if (card && card.lacking) parts.push(element("p", "mt-quiet", card.lacking));
    place.replaceChildren(...parts);
    performance.mark("microtome:card-drawn");
  }

  function drawNote(head) {
    const field = document.getElementById("role-note");
    const text = head ? noteOf(head) : "";
    if (field && field.value !== text) microtome.setProps("role-note", { value: text });
  }

  function draw() {
    const head = primary();
    microtome.write("card-label", { textContent: head ? headLabel(head) : "" });
    drawRows(head);
    if (microtome.drawCardPatterns) microtome.drawCardPatterns();
  }

  // ---- notes: what is typed is written after a pause, and before another head is shown ----------------------------

  let typed = null; // {head, text} that the session does not have yet
  let timer = 0;

  function keepNote() {
    clearTimeout(timer);
    const now = typed;
    typed = null;
    if (now) microtome.dispatch({ type: "set-note", ...now });
  }

  document.addEventListener("input", ({ target }) => {
    if (target.id !== "role-note" || !primary()) return;
    typed = { head: primary(), text: target.value };
    clearTimeout(timer);
    timer = setTimeout(keepNote, TYPING_PAUSE_MS);
  });
  document.addEventListener("focusout", ({ target }) => target.id === "role-note" && keepNote());
  root.addEventListener("pagehide", keepNote);

  // ---- copying ---------------------------------------------------------------------------------------------------

  async function copy(text, what) {
    const copied = await microtome.copyText(text);
    microtome.notify(copied ? `${what} copied.` : `Copy this: ${text}`);
  }

  function copyCard(head) {
    const lines = card ? linesOf(card, head) : [];
    const { of, lacking } = card || {};
    return copy(asText(headLabel(head), of, lines, lacking, noteOf(head), microtome.cardTokens()), "Card");
  }

  document.addEventListener("click", ({ target }) => {
    const head = primary();
    if (!head || !target.closest) return;
    if (target.closest("#card-label")) copy(headLabel(head), headLabel(head));
    if (target.closest("#card-copy")) copyCard(head);
  });

  // ---- what it follows -------------------------------------------------------------------------------------------

  microtome.projections.push(({ session }, before) => {
    const { primary: head } = session.selection;
    const moved = !before || !sameHead(head, before.session.selection.primary);
    if (moved && typed && !sameHead(typed.head, head)) setTimeout(keepNote);
    if (moved) draw();
    if (moved || before.session.notes !== session.notes) drawNote(head);
  });

  let found = 0;

  /** The server gathers the card again, from what is there by now: it need not wait for the slowest number. */
  microtome.cardFound = () => {
    found += 1;
    const now = found;
    setTimeout(() => microtome.session() && now === found && microtome.setProps("card-asked", { data: now }));
    return root.dash_clientside.no_update;
  };

  microtome.headCardData = () => card;
  microtome.headCard = (data) => {
    card = data || null;
    draw();
    return root.dash_clientside.no_update;
  };
})(typeof window === "undefined" ? globalThis : window);
