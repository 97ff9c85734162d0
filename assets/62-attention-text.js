/* Attention read on the text: point at a token, or lock it, and see where it looks and who looks at it.
 *
 * Where it looks is its row (sources), who looks at it its column (destinations): two colours, numbers under the tokens.
 * Locking a token is selecting its position, so every panel knows it. It reads what the panel shows: one head, several
 * together, or a difference, as far as it is there: pointing asks no server (assets/61-read-ahead.js). Of a long prompt a
 * part is written out, and of a locked token row and column are fetched.
 */
(function (root) {
  "use strict";

  const { shownToken } = typeof require === "undefined" ? root.microtome : require("./12-describe.js");
  const { spoken } = typeof require === "undefined" ? { spoken: root.microtome.spoken } : require("./61-readout.js");
  const LEAST = 0.005; // of the limit: smaller numbers are not written under tokens

  /** One token's row and column of the matrix. */
  function around(values, position) {
    const count = Math.round(Math.sqrt(values.length));
    const src = values.slice(position * count, (position + 1) * count);
    return { src, dest: Float32Array.from({ length: count }, (_, at) => values[at * count + position]) };
  }

  /** Every token's side and value: what the token looks at is `src`, who looks at it `dest`; of both the larger, or
   * the one that is computed. */
  function sides({ src, dest }) {
    return Array.from(src, (value, at) =>
      Math.abs(value) < Math.abs(dest[at]) || Number.isNaN(value) ? { side: "dest", value: dest[at] } : { side: "src", value });
  }

  /** What is written under a token: two decimals, fewer of large numbers, nothing where there is next to nothing. */
  function brief(value, signed, limit = 1) {
    const size = Math.abs(value);
    if (!(size >= LEAST * limit)) return "";
    const digits = (size < 0.005 ? size.toPrecision(1) : size.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0)).replace(/^0/, "");
    return `${value < 0 ? "−" : signed ? "+" : ""}${digits}`;
  }

  /** Both directions between the token that is read and another, in words; what is not computed is left out. */
  function between({ src, dest }, position, other, tokens, { signed, unit } = {}) {
    const name = (at) => `${at} ${shownToken(tokens[at])}`;
    const line = (from, to, value) => `${name(from)} looks at ${name(to)}: ${unit ? `${unit} ` : ""}${spoken(value, signed)}`;
    const both = [[position, other, src[other]], ...(other === position ? [] : [[other, position, dest[other]]])];
    const known = both.filter(([, , value]) => !Number.isNaN(value));
    return (known.length ? known : both.slice(0, 1)).map((each) => line(...each)).join("\n");
  }

  if (typeof module !== "undefined") module.exports = { around, sides, brief, between };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const HINT = "Point at a token to see where it looks and who looks at it; click to lock it";
  const { LONG, rowOf, columnOf, writtenOf } = microtome.attentionWindow;
  const STRONGEST = 4; // of a long prompt, named whether or not they are written out
  let chips = [];
  let first = 0; // the position of the first chip
  let drawn = null; // the tokens on the strip
  let pointed = null;

  const host = () => document.getElementById("attention-text");
  const locked = () => microtome.session().selection.positions.at(-1) ?? null;
  /** What is read: the locked token, the one pointed at, or the last one, at which attribution is. */
  const current = () => locked() ?? pointed ?? (atEnd() ? microtome.attention.count() - 1 : null);
  const atEnd = () => microtome.attention.count() > 0 && (microtome.attention.now() || {}).by === "attribution";

  function chipOf(token, at) {
    const position = first + at;
    const chip = document.createElement("button");
    Object.assign(chip, { type: "button", textContent: shownToken(token) });
    chip.dataset.position = position;
    chip.tabIndex = at ? -1 : 0;
    chip.append(document.createElement("i"));
    return chip;
  }

  function build(tokens, span) {
    const line = Object.assign(document.createElement("p"), { className: "mt-attention-said" });
    const text = Object.assign(document.createElement("div"), { className: "mt-attention-tokens" });
    text.setAttribute("role", "group");
    text.setAttribute("aria-label", "Attention token by token");
    [first] = span;
    chips = tokens.slice(...span).map(chipOf);
    text.append(...chips);
    host().replaceChildren(line, text);
    drawn = nameOf(tokens, span);
  }

  const nameOf = (tokens, span) => [span, ...tokens].join("\u0000");

  /** Row and column of a token out of what is there. */
  function thereAt(position) {
    const count = microtome.attention.count();
    if (count > LONG) return microtome.readAhead.around(position);
    const read = microtome.attention.there();
    return read && read.values.length === count ** 2 ? { ...read, around: around(read.values, position) } : null;
  }

  /** The same of a token that is locked, or that attribution is at: what is not there is fetched. */
  async function readAt(position) {
    const there = thereAt(position);
    if (there) return there;
    const count = microtome.attention.count();
    if (count <= LONG) return (await microtome.attention.reading()) && thereAt(position);
    await Promise.all([rowOf, columnOf].map((part) => microtome.attention.reading(part(position, count))));
    return heldAt(position);
  }

  /** The row and the column of a long prompt that were fetched for a token that is locked. */
  function heldAt(position) {
    const count = microtome.attention.count();
    const [row, column] = [rowOf, columnOf].map((part) => microtome.attention.there(part(position, count)));
    return row && column && {
      ...row, limit: Math.max(row.limit, column.limit), around: { src: row.values, dest: column.values },
    };
  }

  /** The keys of a long prompt that the token looks at most. */
  function strongest({ around: { src }, signed }, tokens) {
    if (tokens.length <= LONG) return "";
    const order = Array.from(src.keys()).filter((at) => Math.abs(src[at]) > 0);
    order.sort((one, other) => Math.abs(src[other]) - Math.abs(src[one]));
    const named = order.slice(0, STRONGEST).map((at) => `${at} ${shownToken(tokens[at])} ${spoken(src[at], signed)}`);
    return named.length ? `most: ${named.join(", ")}` : "";
  }

  const partSaid = (tokens) => tokens.length > LONG ? `tokens ${first}–${first + chips.length - 1} of ${tokens.length}` : "";

  const SIDES = [["src", "looks at"], ["dest", "is looked at by"]];
  const SIGNS = [["more", "more"], ["less", "less"]];
  const TOWARDS = [["more", "towards the answer"], ["less", "against it"]];

  const plain = (text) => Object.assign(document.createElement("span"), { textContent: text });

  /** What the colours mean, of which token. */
  function said(position, tokens, read) {
    if (position === null) return [HINT, partSaid(tokens)].filter(Boolean).map(plain);
    const { signed, by } = read;
    const part = ([side, text]) => Object.assign(document.createElement("span"), { className: `is-${side}`, textContent: text });
    const name = `${position} ${shownToken(tokens[position])}`;
    const how = locked() === null ? "" : "locked, Esc unlocks";
    const more = [how, strongest(read, tokens), partSaid(tokens)].filter(Boolean).map(plain);
    return [plain(name), ...(by === "attribution" ? TOWARDS : signed ? SIGNS : SIDES).map(part), ...more];
  }

  function paintChip(chip, { side, value }, { signed, limit = 1 }, position) {
    const at = Number(chip.dataset.position);
    chip.setAttribute("aria-pressed", String(at === locked()));
    chip.classList.toggle("is-read", at === position);
    chip.dataset.side = signed ? (value < 0 ? "less" : "more") : side;
    chip.style.setProperty("--much", Math.min(1, Math.abs(value) / limit) || 0);
    chip.lastChild.textContent = brief(value, signed, limit);
  }

  const NOTHING = { side: "src", value: 0 };

  async function draw() {
    const session = microtome.session();
    if (!session || !host() || !host().offsetParent) return;
    const tokens = microtome.tokenTexts();
    if (!tokens.length) return;
    const span = writtenOf(microtome.attention.place(), locked() ?? (atEnd() ? tokens.length - 1 : null), tokens.length);
    if (nameOf(tokens, span) !== drawn) build(tokens, span);
    const position = current();
    const fetches = position !== null && (locked() !== null || pointed === null);
    const read = position === null ? null : fetches ? await readAt(position).catch(() => null) : thereAt(position);
    if (position !== current() || drawn !== nameOf(tokens, span)) return;
    const values = read ? sides(read.around) : [];
    chips.forEach((chip, at) => paintChip(chip, values[first + at] || NOTHING, read || {}, read ? position : null));
    host().firstChild.replaceChildren(...said(read ? position : null, tokens, read));
  }

  // ---- gestures ------------------------------------------------------------------------------------------------

  const chipAt = (event) => event.target.closest && event.target.closest("#attention-text [data-position]");
  const positionOf = (chip) => (chip ? Number(chip.dataset.position) : null);

  function compare(event, chip) {
    const [position, other] = [locked(), positionOf(chip)];
    const read = position === null ? null : thereAt(position) || heldAt(position);
    if (!read) return;
    microtome.tip.show(between(read.around, position, other, microtome.tokenTexts(), read), event);
  }

  function pointAt(event) {
    const chip = chipAt(event);
    const position = positionOf(chip);
    if (position === pointed) return;
    pointed = position;
    if (locked() === null) draw();
    else if (chip) compare(event, chip);
    else microtome.tip.hide();
  }

  const unlock = (position) => microtome.dispatch({ type: "click-position", position, add: true });

  function clicked(event) {
    const chip = chipAt(event);
    if (!chip) return;
    const position = positionOf(chip);
    microtome.tip.hide();
    if (position === locked()) unlock(position);
    else microtome.dispatch({ type: "click-position", position });
  }

  /** Arrows walk over the text while it has the focus; Escape unlocks, and clears the selection only after that. */
  function pressed(event) {
    const chip = chipAt(event);
    const next = chip && chips[positionOf(chip) - first + { ArrowRight: 1, ArrowLeft: -1 }[event.key]];
    if (next) next.focus();
    else if (!chip || event.key !== "Escape" || locked() === null) return;
    else unlock(locked());
    event.preventDefault();
  }

  microtome.attention.beside.push(draw);
  microtome.drawAttentionText = draw;
  document.addEventListener("pointerover", pointAt);
  document.addEventListener("focusin", pointAt);
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed, true);
})(typeof window === "undefined" ? globalThis : window);
