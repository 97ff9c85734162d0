/* The rail's library of directions, drawn from the page's state without the server: look at, rename, copy, remove. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, describeDirection } = microtome;
  const { chosenDirection, MOST_NAME } = microtome.directions;
  const NONE = "None yet: make one of tokens, of two groups of prompts, of a head, or of numbers.";
  let renamed = null; // the name of the direction whose name is being typed

  function element(tag, className, text, attributes = {}) {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== null) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  const button = (className, text, label) =>
    element("button", className, text, { type: "button", "aria-label": label, title: label });

  const list = () => document.getElementById("direction-list");

  function nameOf({ name, direction }) {
    if (name === renamed) return element("input", "mt-rename", null, { value: name, maxlength: MOST_NAME, "aria-label": `New name of ${name}` });
    const said = describeDirection(direction);
    const choose = button("mt-direction-choose", null, `Look at ${name}: ${said}`);
    choose.append(element("span", "mt-direction-name", name), element("span", "mt-direction-kind", said));
    return choose;
  }

  function row(named) {
    const { name } = named;
    const made = element("div", "mt-direction", null, { "data-direction": name });
    made.append(
      nameOf(named), button("mt-row-action mt-copy", "{}", `Copy ${name} as JSON`),
      button("mt-row-action mt-edit", "✎", `Rename ${name}`), button("mt-row-action mt-remove", "×", `Remove ${name}`),
    );
    return made;
  }

  function draw({ directions }) {
    if (!list()) return;
    list().replaceChildren(...(directions.length ? directions.map(row) : [element("p", "", NONE)]));
  }

  let shown = null; // the name of the one that was chosen when the list was marked last

  /** The chosen one is what Tab reaches, and is scrolled to when it is another; arrows go on from there. */
  function mark(session) {
    const chosen = chosenDirection(session);
    const another = chosen && chosen.name !== shown;
    shown = chosen && chosen.name;
    for (const made of document.querySelectorAll("#direction-list .mt-direction")) {
      const on = !!chosen && made.dataset.direction === chosen.name;
      made.classList.toggle("is-chosen", on);
      if (on && another) made.scrollIntoView({ block: "nearest" });
      const choose = made.querySelector(".mt-direction-choose");
      if (!choose) continue;
      choose.setAttribute("aria-pressed", String(on));
      choose.tabIndex = on || (!chosen && !made.previousElementSibling) ? 0 : -1;
    }
  }

  function redraw() {
    draw(microtome.session());
    mark(microtome.session());
  }

  // ---- what is done with them ----------------------------------------------------------------------------------

  const named = (name) => microtome.session().directions.find((each) => each.name === name);

  /** Looked at where directions are shown: from another workspace that is the section of *Residual*. */
  function lookAt(name) {
    dispatch({ type: "show-residual", direction: name });
    if (microtome.session().view.workspace !== "residual") dispatch({ type: "set-view", workspace: "residual", section: "direction" });
  }

  async function copy(value, said) {
    const text = JSON.stringify(value, null, 2);
    const copied = await microtome.copyText(text);
    microtome.notify(copied ? said : text);
  }

  function copyDirections() {
    const { directions } = microtome.session();
    if (directions.length) copy(directions, "All directions copied as JSON.");
    else microtome.notify("There is no direction to copy yet.");
  }

  function rename(name) {
    renamed = name;
    redraw();
    const field = list().querySelector(".mt-rename");
    if (field) field.select();
  }

  /** The name that was typed, where `keeps`; the row has the focus again where it was left by a key. */
  function renamedTo(field, keeps, byKey) {
    const [from, to] = [renamed, field.value.trim()];
    if (from === null) return;
    renamed = null;
    const taken = to !== from && named(to);
    if (taken) microtome.notify(`Another direction is called ${to}; give this one a name of its own.`, true);
    if (keeps && to && to !== from && !taken) dispatch({ type: "rename-direction", name: from, to });
    redraw();
    if (byKey) focus(named(to) && keeps ? to : from);
  }

  const focus = (name) => {
    const found = [...document.querySelectorAll("#direction-list .mt-direction")].find(({ dataset }) => dataset.direction === name);
    if (found) found.querySelector(".mt-direction-choose").focus();
  };

  const ACTIONS = {
    "mt-direction-choose": lookAt,
    "mt-copy": (name) => copy(named(name), `${name} copied as JSON.`),
    "mt-edit": rename,
    "mt-remove": (name) => dispatch({ type: "remove-direction", name }),
  };

  function clicked(event) {
    const made = event.target.closest("#direction-list [data-direction]");
    for (const [name, act] of Object.entries(made ? ACTIONS : {})) {
      if (event.target.closest(`.${name}`)) act(made.dataset.direction);
    }
  }

  function step(event) {
    const { directions } = microtome.session();
    const at = directions.findIndex(({ name }) => name === event.target.closest("[data-direction]").dataset.direction);
    const next = directions[at + { ArrowUp: -1, ArrowDown: 1 }[event.key]];
    event.preventDefault();
    if (!next) return;
    dispatch({ type: "show-residual", direction: next.name });
    focus(next.name);
  }

  function pressed(event) {
    if (!event.target.closest || !event.target.closest("#direction-list")) return;
    if (event.target.matches(".mt-rename")) {
      if (event.key === "Enter") event.preventDefault(); // else it presses the row, which has the focus by then
      if (event.key === "Enter") renamedTo(event.target, true, true);
      if (event.key === "Escape") renamedTo(event.target, false, true);
      event.stopPropagation();
    } else if (event.key === "F2") rename(event.target.closest("[data-direction]").dataset.direction);
    else if (event.key === "Delete") dispatch({ type: "remove-direction", name: event.target.closest("[data-direction]").dataset.direction });
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") step(event);
  }

  document.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed, true);
  document.addEventListener("focusout", ({ target }) => target.matches && target.matches(".mt-rename") && renamedTo(target, true, false));
  microtome.copyDirections = copyDirections;
  microtome.projections.push(({ session }, before) => {
    const old = before ? before.session : {};
    if (old.directions !== session.directions) draw(session);
    if (old.directions !== session.directions || old.residual !== session.residual) mark(session);
  });
})(window);
