/* The `?`: one card for the page, shown on hover or focus beside the button: formula, reading, sign, unit. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const SHOW_MS = 120;
  const HIDE_MS = 160; // long enough to move from the button onto the card
  const GAP_PX = 4;
  const SIGNS = { true: "It has a sign: blue is positive, red negative.", false: "It has no sign: 0 is the least." };
  const sentence = (text) => text[0].toUpperCase() + text.slice(1);

  /** Of the number that colours the head matrix. */
  function ofQuantity() {
    const { label, formula, zero, one, signed, unit } = microtome.headChoices()[microtome.session().heads.quantity];
    return { formula, reading: `${sentence(label)}. 0: ${zero}. 1: ${one}.`, sign: SIGNS[signed], unit };
  }

  /** {formula, reading, sign, unit} of a panel, or of the number that is chosen. */
  function helpOf(name) {
    return name === "quantity" ? ofQuantity() : ((microtome.propsOf("help-texts") || {}).data || {})[name];
  }

  function paragraph(text, label) {
    const line = document.createElement("p");
    if (label) line.append(Object.assign(document.createElement("b"), { textContent: `${label} ` }));
    line.append(text);
    return line;
  }

  function linesOf({ formula, reading, sign, unit }) {
    const pre = Object.assign(document.createElement("pre"), { textContent: formula });
    return [pre, paragraph(reading), paragraph(sign, "Sign"), paragraph(unit, "Unit")];
  }

  /** Below the button, above it where there is no room, and never outside of the window. */
  function place(card, button) {
    const at = button.getBoundingClientRect();
    const { width, height } = card.getBoundingClientRect();
    const below = at.bottom + GAP_PX;
    const top = below + height <= root.innerHeight ? below : Math.max(GAP_PX, at.top - GAP_PX - height);
    card.style.left = `${Math.max(GAP_PX, Math.min(at.left, root.innerWidth - width - GAP_PX))}px`;
    card.style.top = `${top}px`;
  }

  const cardOf = () => document.getElementById("help-card");

  function show(button) {
    const [card, said] = [cardOf(), helpOf(button.dataset.help)];
    if (!card || !said) return;
    card.replaceChildren(...linesOf(said));
    card.hidden = false;
    button.setAttribute("aria-describedby", card.id);
    place(card, button);
  }

  function hide() {
    const card = cardOf();
    if (card) card.hidden = true;
    document.querySelectorAll(".mt-help[aria-describedby]").forEach((button) => button.removeAttribute("aria-describedby"));
  }

  let timer = 0;

  function soon(act, pause) {
    clearTimeout(timer);
    timer = setTimeout(act, pause);
  }

  const closest = (event, what) => event.target.closest && event.target.closest(what);

  document.addEventListener("pointerover", (event) => {
    const button = closest(event, ".mt-help");
    if (button) soon(() => show(button), SHOW_MS);
    else if (closest(event, "#help-card")) clearTimeout(timer);
    else if (cardOf() && !cardOf().hidden) soon(hide, HIDE_MS);
    else clearTimeout(timer);
  });
  document.addEventListener("focusin", (event) => {
    const button = closest(event, ".mt-help");
    if (button) soon(() => show(button), 0);
  });
  document.addEventListener("focusout", (event) => closest(event, ".mt-help") && soon(hide, HIDE_MS));
  /** Escape closes the card, and clears nothing else with it. */
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !cardOf() || cardOf().hidden) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    hide();
  }, true);
  Object.assign(microtome, { helpOf });
})(window);
