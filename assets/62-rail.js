/* The rail's lists: the prompt set and the interventions, drawn from the page's state without the server. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, write, setProps, describeIntervention, labelNames, labelsSaid, labelValues, promptText, shownToken, state } = microtome;
  const NO_INTERVENTIONS = "None: this is the baseline. Select heads and press Ablate or Patch, or add one of any kind.";
  const ONE_PROMPT = "Only the pair above. Add more to sweep over a set and see the spread.";

  function element(tag, className, text, attributes = {}) {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== null) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  const button = (className, text, label) =>
    element("button", className, text, { type: "button", "aria-label": label, title: label });

  function put(id, children, empty) {
    const place = document.getElementById(id);
    if (place) place.replaceChildren(...(children.length ? children : [element("p", "", empty)]));
  }

  // ---- interventions -------------------------------------------------------------------------------------------

  function interventionRow({ intervention, on }, index) {
    const said = describeIntervention(intervention, microtome.session().directions);
    const row = element("div", on ? "mt-intervention" : "mt-intervention is-off", null, { "data-intervention": index });
    const toggle = button("mt-toggle", null, `${said}: on or off`);
    toggle.setAttribute("role", "switch");
    toggle.setAttribute("aria-checked", String(on));
    row.append(
      toggle, element("span", "", said, { title: said }),
      button("mt-row-action mt-copy", "{}", `Copy ${said} as JSON`), button("mt-row-action mt-edit", "✎", `Edit ${said}`),
      button("mt-row-action mt-remove", "×", `Remove ${said}`),
    );
    return row;
  }

  const drawInterventions = ({ interventions }) =>
    put("interventions", interventions.map(interventionRow), NO_INTERVENTIONS);

  // ---- the prompt set ------------------------------------------------------------------------------------------

  const answers = ({ answer, incorrect_answer: incorrect }) =>
    [answer, incorrect].filter((side) => side.length).map((side) => side.map(shownToken).join("|")).join(" − ");

  function promptRow(prompt, index, prompts, names) {
    const row = element("div", "mt-prompt", null, { "data-prompt": index });
    const labels = labelsSaid(prompt);
    const choose = button("mt-prompt-choose", null, `Prompt ${index}: ${prompt.clean}${labels && ` (${labels})`}`);
    choose.append(
      element("span", "mt-prompt-number", String(index)), element("span", "mt-prompt-text", promptText(prompts, index)),
      element("span", "mt-prompt-labels", labelValues(prompt, names)),
      element("span", "mt-prompt-answers", answers(prompt)),
    );
    row.append(choose, button("mt-row-action mt-remove", "×", `Remove prompt ${index} from the set`));
    return row;
  }

  /** The chosen prompt is the one that Tab reaches; arrows go on from there. */
  function markPrompt(chosen, together) {
    for (const row of document.querySelectorAll("#prompt-list .mt-prompt")) {
      const on = Number(row.dataset.prompt) === chosen;
      row.classList.toggle("is-chosen", on);
      row.classList.toggle("is-together", together.includes(Number(row.dataset.prompt)));
      const choose = row.firstElementChild;
      choose.setAttribute("aria-pressed", String(on));
      choose.tabIndex = on ? 0 : -1;
      if (on) reveal(row);
    }
  }

  /** Only the list scrolls, never the rail. */
  function reveal(row) {
    const list = row.parentElement;
    const above = row.offsetTop; // the list is what it is counted from
    if (above < list.scrollTop) list.scrollTop = above;
    const below = above + row.offsetHeight - list.clientHeight;
    if (below > list.scrollTop) list.scrollTop = below;
  }

  function drawPrompts({ prompts }) {
    const names = labelNames(prompts);
    put("prompt-list", prompts.map((prompt, index) => promptRow(prompt, index, prompts, names)), ONE_PROMPT);
    write("prompt-count", { textContent: prompts.length ? String(prompts.length) : "" });
  }

  function drawBase({ base, prompts, prompt }) {
    const { data } = microtome.propsOf("base") || {};
    const missing = (prompts.length ? prompts : [prompt]).some(({ corrupted }) => corrupted === null);
    if (!data) return;
    setProps("base", {
      value: base, data: data.map((choice) => ({ ...choice, disabled: choice.value === "corrupted" && missing })),
    });
  }

  // ---- what is done with them ----------------------------------------------------------------------------------

  async function copyJson(index) {
    const { intervention } = microtome.session().experiment.interventions[index];
    const copied = await microtome.copyText(JSON.stringify(intervention));
    microtome.notify(copied ? "Intervention copied as JSON." : JSON.stringify(intervention));
  }

  const INTERVENTION = {
    "mt-toggle": (index) => dispatch({ type: "toggle-intervention", index }),
    "mt-remove": (index) => dispatch({ type: "remove-intervention", index }),
    "mt-edit": (index) => microtome.openForm(index),
    "mt-copy": copyJson,
  };

  function removePrompt(index) {
    const { prompts } = microtome.session().experiment;
    dispatch({ type: "set-prompts", prompts: prompts.filter((_, at) => at !== index) });
  }

  function clicked(event) {
    const intervention = event.target.closest("[data-intervention]");
    for (const [name, act] of Object.entries(intervention ? INTERVENTION : {})) {
      if (event.target.closest(`.${name}`)) act(Number(intervention.dataset.intervention));
    }
    const row = event.target.closest("#prompt-list [data-prompt]");
    if (!row) return;
    const index = Number(row.dataset.prompt);
    if (event.target.closest(".mt-remove")) removePrompt(index);
    else dispatch({ type: "select-prompt", index });
  }

  /** Up and down choose the prompt before or after while the list has the focus. */
  function pressed(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !event.target.closest || !event.target.closest("#prompt-list")) return;
    event.preventDefault();
    dispatch({ type: "select-prompt", index: microtome.session().selection.prompt + step });
    const chosen = document.querySelector("#prompt-list .is-chosen .mt-prompt-choose");
    if (chosen) chosen.focus();
  }

  function changed(event) {
    if (!event.target.matches("#base input[type=radio]")) return;
    dispatch({ type: "set-base", base: event.target.value });
    drawBase(microtome.session().experiment);
  }

  document.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed, true);
  document.addEventListener("change", changed);
  microtome.projections.push(({ session }, before) => {
    const { experiment, selection } = session;
    const old = before ? before.session.experiment : {};
    const renamed = before && before.session.directions !== session.directions;
    if (renamed || old.interventions !== experiment.interventions) drawInterventions(experiment);
    const others = !old.prompts || !state.same(old.prompts, experiment.prompts);
    if (others) drawPrompts(experiment);
    const seen = before && before.session.selection;
    if (others || seen.prompt !== selection.prompt || !state.same(seen.prompts, selection.prompts)) {
      markPrompt(selection.prompt, selection.prompts);
    }
    if (old !== experiment) drawBase(experiment);
  });
})(window);
