/* The top of the head card: the primary head's pattern on this prompt beside one on a background text, and the tokens
 * that its output promotes and suppresses. Pictures come by address, so they follow the selection as the panel does.
 */
(function (root) {
  "use strict";

  const node = typeof require !== "undefined";
  const { spoken } = node ? require("./61-readout.js") : { spoken: null };
  const signed = (value) => (node ? spoken : root.microtome.spoken)(value, true);

  /** `[token, logit]` by rank -> `·Mary +2.1  ·the +1.0`. */
  const ranked = (pairs, shown) => pairs.map(([token, logit]) => `${shown(token)} ${signed(logit)}`).join("  ");

  /** The lines of one head: [words, tokens]; none while they are not there. `run` is named where it is not the plain one. */
  function tokenLines(tokens, { layer, head }, shown, run = "baseline") {
    if (!tokens || head >= tokens.heads) return [];
    const [at, of] = [layer * tokens.heads + head, run === "baseline" ? "" : ` (${run})`];
    return ["promoted", "suppressed"].filter((side) => tokens[side][at])
      .map((side) => [`${side === "promoted" ? "promotes" : "suppresses"}${of}`, ranked(tokens[side][at], shown)]);
  }

  /** Ranks have no difference: it shows those of the intervened run. */
  const runOfTokens = (show) => (show === "difference" ? "intervened" : show);

  /** What the picture of this prompt is of. */
  const captionOf = (show) => ({ baseline: "this prompt", intervened: "this prompt, intervened",
    difference: "this prompt, difference" })[show];

  /** The next background text, around in a circle. */
  const turned = (now, by, count) => (count ? (((now + by) % count) + count) % count : 0);

  if (node) module.exports = { tokenLines, turned, runOfTokens };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  let parts = null; // the elements, made once
  let drawn = []; // the lines of tokens on screen

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
    const of = make("figcaption");
    const left = make("figure", "", here, of);
    const right = make("figure", "", there, make("figcaption", "", words, turners));
    place.replaceChildren(make("div", "mt-card-patterns", left, right, tokens));
    for (const image of [here, there]) image.addEventListener("error", () => image.setAttribute("src", BLANK));
    parts = { here, there, of, words, tokens };
    return parts;
  }

  const dataOf = (store) => (microtome.propsOf(store) || {}).data || null;

  /** The pattern on a background text, where it is the present model's. */
  function background() {
    const found = dataOf("digests-background_pattern");
    return found && microtome.state.same(found.model, microtome.session().experiment.model) ? found : null;
  }

  function turn(by) {
    const { texts = 0 } = microtome.headCardData() || {};
    if (texts) microtome.setProps("card-text", { data: turned(dataOf("card-text") || 0, by, texts) });
  }

  function put(image, address, words) {
    const source = address ? microtome.prefix() + address : BLANK;
    if (image.getAttribute("src") !== source) image.setAttribute("src", source);
    image.alt = address ? words : "";
  }

  const addressOf = (digest, { layer, head }) =>
    `attention/${digest}/${layer}/${head}.png?theme=${microtome.theme()}&fit=64x64`;

  const tokensOf = microtome.keeper(async (digest) => {
    const answer = await fetch(`${microtome.prefix()}heads/${digest}/tokens.json?quiet=1`);
    if (answer.status !== 200) throw new Error("these tokens are not in the server's cache");
    return answer.json();
  }, 8);

  /** The digest of the tokens on screen; null while they are of another experiment, or on their way. */
  function tokensShown() {
    const found = dataOf("digests-head_tokens");
    const now = found && found.number === microtome.numbers().number;
    return (now && found[runOfTokens(microtome.session().view.show)]) || null;
  }

  function lineOf([words, text]) {
    const line = document.createElement("p");
    line.append(make("b", "", words), " ", make("span", "", text));
    line.title = `The head's output at the last position ${words}, in logits against the vocabulary's mean: ${text}`;
    return line;
  }

  async function drawTokens(place) {
    const digest = tokensShown();
    const tokens = digest && (await tokensOf(digest).catch(() => null));
    const { selection: { primary }, view } = microtome.session();
    if (digest !== tokensShown() || !primary) return;
    const lines = tokenLines(tokens, primary, microtome.shownToken, runOfTokens(view.show));
    drawn = lines;
    place.replaceChildren(...lines.map(lineOf));
  }

  function drawBackground({ there, words }, head) {
    const found = background();
    const known = found && found.baseline;
    put(there, known ? addressOf(found.baseline, head) : null, `Attention of ${microtome.state.headLabel(head)} there`);
    const { texts = 0 } = microtome.headCardData() || {};
    const said = known ? `background ${found.text + 1}${texts ? ` of ${texts}` : ""}` : "background";
    words.textContent = (found && found.error) || said;
    there.title = known ? found.reads : "";
  }

  function draw() {
    const place = document.getElementById("card-patterns");
    const session = microtome.session();
    const head = session && session.selection.primary;
    if (!place || !head || session.view.workspace !== "attention") return;
    const elements = made(place);
    const shown = microtome.attention.wanted();
    const reduced = microtome.attention.count() > 64 ? "&fit=64x64" : ""; // else the first key would fall between pixels
    put(elements.here, shown && shown.picture + reduced, `Attention of ${microtome.state.headLabel(head)} on this prompt`);
    elements.of.textContent = captionOf(session.view.show);
    drawBackground(elements, head);
    drawTokens(elements.tokens);
  }

  microtome.attention.beside.push(draw);
  microtome.cardPattern = () => {
    queueMicrotask(draw);
    return root.dash_clientside.no_update;
  };
  Object.assign(microtome, { drawCardPatterns: draw, cardTokens: () => drawn });
})(typeof window === "undefined" ? globalThis : window);
