/* The tokens in the rail: a chip of each, made here of what the server wrote into one element, because two thousand
 * components would be walked by Dash at every change.
 */
(function (root) {
  "use strict";

  const { shownToken } = typeof require === "undefined" ? root.microtome : require("./12-describe.js");

  /** Every chip as text, class and words; `bos` is whether the first token is a separator that was put there. */
  function chipsOf({ tokens, ids, bos }) {
    return tokens.map((token, position) => {
      const [first, end] = [bos && position === 0, position === tokens.length - 1];
      return {
        token,
        text: first ? "bos" : shownToken(token),
        name: ["mt-token", first && "is-bos", end && "is-end"].filter(Boolean).join(" "),
        title: `position ${position}, id ${ids[position]}${first ? ", BOS" : ""}` +
          (end ? ", last: predictions are read here" : ""),
      };
    });
  }

  if (typeof module !== "undefined") module.exports = { chipsOf };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const told = []; // what to do when there are other tokens
  let texts = [];
  let pressed = new Set();

  const strip = () => document.getElementById("token-strip");

  function element({ token, text, name, title }, position) {
    const chip = Object.assign(document.createElement("button"), { type: "button", className: name, title });
    chip.textContent = text;
    Object.assign(chip.dataset, { position, token });
    chip.setAttribute("aria-pressed", "false");
    return chip;
  }

  function build() {
    const row = strip().querySelector("[data-tokens]");
    const chips = row ? chipsOf(JSON.parse(row.dataset.tokens)) : [];
    texts = chips.map(({ token }) => token);
    pressed = new Set();
    if (row) row.replaceChildren(...chips.map(element));
    microtome.dispatch({ type: "clamp" });
    draw(microtome.current());
    for (const act of told) act();
  }

  /** Only the chips whose state changes are touched. */
  function draw({ session: { selection } }) {
    const wanted = new Set(selection.positions);
    for (const position of new Set([...pressed, ...wanted])) {
      const chip = strip().querySelector(`[data-position="${position}"]`);
      if (chip) chip.setAttribute("aria-pressed", String(wanted.has(position)));
    }
    pressed = wanted;
  }

  /** Not the chips themselves, which are made here. */
  const isNews = ({ target, type }) => target === strip() || type === "attributes";

  function watch() {
    if (!strip()) return;
    const seen = new MutationObserver((changes) => changes.some(isNews) && build());
    seen.observe(strip(), { childList: true, subtree: true, attributeFilter: ["data-tokens"] });
    build();
  }

  microtome.projections.push((now) => strip() && draw(now));
  microtome.whenOpen(watch);
  Object.assign(microtome, {
    tokenTexts: () => texts, tokenCount: () => texts.length, whenTokens: (act) => told.push(act),
  });
})(typeof window === "undefined" ? globalThis : window);
