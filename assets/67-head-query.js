/* The query above the head matrix: Enter selects the heads that match, names are completed, refusals say where.
 *
 * The grammar is in 13-head-query.js; numbers come as for the matrix, each once (65-head-numbers.js).
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { parse, namesIn, matching, completion, Refusal } = microtome.headQuery;
  const MOST_OPTIONS = 8;
  let parts = null; // {input, list, said}
  let offered = { options: [] };
  let chosen = -1;

  const names = () => Object.keys(microtome.headChoices());

  function element(tag, className, properties = {}) {
    return Object.assign(document.createElement(tag), { className, ...properties });
  }

  const labels = () => Object.fromEntries(Object.entries(microtome.headChoices()).map(([name, { label }]) => [name, label]));

  function say(text, wrong = false) {
    parts.said.textContent = text;
    parts.said.classList.toggle("is-wrong", wrong);
    parts.input.setAttribute("aria-invalid", String(wrong));
  }

  // ---- Enter ---------------------------------------------------------------------------------------------------

  /** A number of heads that is not there: its name, and what starts it. */
  async function numberOf(name) {
    try {
      return await microtome.headNumbers(name);
    } catch (error) {
      throw new Error(`${name}: ${error.message}. Choose ${microtome.headChoices()[name].label} above to compute it.`);
    }
  }

  async function selectMatching(text) {
    const tree = parse(text, names());
    const used = namesIn(tree);
    const found = await Promise.all(used.map(numberOf));
    const numbers = Object.fromEntries(used.map((name, at) => [name, found[at].values]));
    const { n_layers: layers, n_heads: heads } = microtome.shape();
    const matched = matching(tree, numbers, [layers, heads]);
    if (matched.length) microtome.dispatch({ type: "set-heads", heads: matched });
    say(`${matched.length} of ${layers * heads} heads match`);
  }

  async function run() {
    const text = parts.input.value;
    if (!text.trim()) return say("");
    try {
      return await selectMatching(text);
    } catch (error) {
      if (error instanceof Refusal) parts.input.setSelectionRange(error.at, error.at + 1);
      return say(error instanceof Refusal ? `At ${error.at + 1}: ${error.message}.` : error.message, true);
    }
  }

  // ---- completion ----------------------------------------------------------------------------------------------

  function optionOf(name, at) {
    const label = (microtome.headChoices()[name] || {}).label || "";
    const option = element("li", "mt-query-option", { id: `head-query-${at}` });
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(at === chosen));
    option.append(element("b", "", { textContent: name }), ` ${label === name ? "" : label}`);
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the input keeps the focus
      complete(name);
    });
    return option;
  }

  function offer() {
    const { input, list } = parts;
    const shown = offered.options.slice(0, MOST_OPTIONS);
    list.replaceChildren(...shown.map(optionOf));
    list.hidden = !shown.length;
    input.setAttribute("aria-expanded", String(shown.length > 0));
    input.setAttribute("aria-activedescendant", chosen < 0 ? "" : `head-query-${chosen}`);
  }

  function close() {
    offered = { options: [] };
    chosen = -1;
    offer();
  }

  function complete(name) {
    const { input } = parts;
    const { from, to } = offered;
    input.setRangeText(name, from, to, "end");
    close();
    input.focus();
  }

  function typed() {
    const { input } = parts;
    offered = completion(input.value, input.selectionStart, names(), labels());
    chosen = -1;
    offer();
    say("");
  }

  const move = (by) => {
    const count = Math.min(offered.options.length, MOST_OPTIONS);
    chosen = (chosen + by + count + (chosen < 0 && by < 0 ? 1 : 0)) % count;
    offer();
  };

  const OPEN_KEYS = {
    ArrowDown: () => move(1), ArrowUp: () => move(-1), Escape: close,
    Tab: () => complete(offered.options[Math.max(0, chosen)]),
  };

  function pressed(event) {
    const open = offered.options.length > 0;
    if (open && OPEN_KEYS[event.key]) OPEN_KEYS[event.key]();
    else if (event.key === "Enter" && open && chosen >= 0) complete(offered.options[chosen]);
    else if (event.key === "Enter") {
      close();
      run();
    } else if (event.key === "Escape") parts.input.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // ---- the input -----------------------------------------------------------------------------------------------

  function build(place) {
    const input = element("input", "mt-query-input", {
      type: "text", placeholder: "select by query: zero < -0.5 and layer > 15", spellcheck: false, autocomplete: "off",
      title: "Comparisons of numbers of heads, layer and head, with and, or, not, abs() and parentheses; Enter selects",
    });
    const list = element("ul", "mt-query-options", { id: "head-query-options", hidden: true });
    const said = element("span", "mt-query-said");
    input.setAttribute("aria-label", "Select heads by a query");
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-controls", "head-query-options");
    input.setAttribute("aria-expanded", "false");
    list.setAttribute("role", "listbox");
    said.setAttribute("role", "status");
    input.addEventListener("input", typed);
    input.addEventListener("keydown", pressed);
    input.addEventListener("blur", close);
    place.replaceChildren(input, list, said);
    parts = { input, list, said };
  }

  microtome.whenOpen(() => {
    const place = document.getElementById("head-query");
    if (place) build(place);
  });
})(window);
