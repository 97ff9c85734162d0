/* The top of the head card: the primary head's pattern on this prompt beside one on a background text, and the tokens
 * that its output promotes and suppresses. Pictures come by address, so they follow the selection as the panel does.
 */
(function (root) {
  "use strict";

  const node = typeof require !== "undefined";
  const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toPrecision(2)}`;

  /** `[token, logit]` by rank -> `·Mary +2.1, ·the +1.0`. */
  const ranked = (pairs, shown) => pairs.map(([token, logit]) => `${shown(token)} ${signed(logit)}`).join("  ");

  /** The lines of one head: [words, tokens]; none while they are not there. */
  function tokenLines(tokens, heads, { layer, head }, shown) {
    if (!tokens || head >= heads) return [];
    const at = layer * heads + head;
    return ["promoted", "suppressed"].filter((side) => tokens[side][at])
      .map((side) => [side === "promoted" ? "promotes" : "suppresses", ranked(tokens[side][at], shown)]);
  }

  /** The next background text, around in a circle. */
  const turned = (now, by, count) => (count ? (((now + by) % count) + count) % count : 0);

  if (node) module.exports = { tokenLines, turned };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  let parts = null; // the elements, made once

  const make = (tag, className, ...inside) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...inside);
    return made;
  };

  function turner(label, by) {
    const button = make("button", "mt-link", by < 0 ? "‹" : "›");
    button.type = "button";
    button.title = label;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => turn(by));
    return button;
  }

  function made(place) {
    if (parts && place.contains(parts.here)) return parts;
    const [here, there] = [make("img"), make("img")];
    const [words, tokens] = [make("span"), make("div", "mt-card-tokens")];
    const turners = make("span", "", turner("The background text before", -1), turner("The next background text", 1));
    const left = make("figure", "", here, make("figcaption", "", "this prompt"));
    const right = make("figure", "", there, make("figcaption", "", words, turners));
    place.replaceChildren(make("div", "mt-card-patterns", left, right, tokens));
    parts = { here, there, words, tokens };
    return parts;
  }

  const background = () => (microtome.propsOf("digests-background_pattern") || {}).data || null;

  function turn(by) {
    const { texts = 0 } = microtome.headCardData() || {};
    const now = (background() || {}).text || 0;
    if (texts) microtome.setProps("card-text", { data: turned(now, by, texts) });
  }

  function put(image, address, words) {
    const source = address ? microtome.prefix() + address : BLANK;
    if (image.getAttribute("src") !== source) image.setAttribute("src", source);
    image.alt = address ? words : "";
  }

  const addressOf = (digest, { layer, head }) =>
    `attention/${digest}/${layer}/${head}.png?theme=${microtome.theme()}`;

  function drawTokens(place, head) {
    const { tokens, heads } = microtome.headCardData() || {};
    const lines = tokenLines(tokens, heads, head, microtome.shownToken);
    place.replaceChildren(...lines.map(([words, text]) => {
      const line = make("p", "", make("b", "", words), " ", make("span", "", text));
      line.title = `What the head's output at the last position ${words}, in logits against the vocabulary's mean: ${text}`;
      return line;
    }));
  }

  function draw() {
    const place = document.getElementById("card-patterns");
    const session = microtome.session();
    const head = session && session.selection.primary;
    if (!place || !head || session.view.workspace !== "attention") return;
    const { here, there, words, tokens } = made(place);
    const [name, shown, found] = [microtome.state.headLabel(head), microtome.attention.wanted(), background()];
    put(here, shown && shown.picture, `Attention of ${name} on this prompt`);
    const known = found && found.baseline;
    put(there, known ? addressOf(found.baseline, head) : null, `Attention of ${name} on a background text`);
    const { texts = 0 } = microtome.headCardData() || {};
    words.textContent = known ? `background ${found.text + 1}${texts ? ` of ${texts}` : ""}` : "background";
    there.title = known ? found.reads : "";
    drawTokens(tokens, head);
  }

  microtome.attention.beside.push(draw);
  microtome.cardPattern = () => {
    queueMicrotask(draw);
    return root.dash_clientside.no_update;
  };
  microtome.drawCardPatterns = draw;
})(typeof window === "undefined" ? globalThis : window);
