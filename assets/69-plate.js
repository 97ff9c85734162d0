/* The *Figure* workspace: the plate at its true size, what it is made of beside it, and its files. */
(function (root) {
  "use strict";

  /** `<|endoftext|>=BOS`, a line each -> [[label as it is, label as it is to be], …]. */
  const tokensOf = (text) => text.split("\n").map((line) => line.split("=")).filter((pair) => pair.length === 2 && pair[0])
    .map(([from, to]) => [from, to]);
  const linesOf = (tokens) => tokens.map(([from, to]) => `${from}=${to}`).join("\n");

  /** An empty number is the preset's. */
  const numberOf = (text) => (text.trim() === "" ? null : Number(text));

  /** Views of one direction are told apart by it, its layer and its token, which the panel says below its title. */
  const OF_DIRECTIONS = ["projection", "distribution", "writers", "readers", "direction-card"];
  const titled = (id, name, of) => (OF_DIRECTIONS.includes(id) && of ? `${name}: ${of}` : null);

  if (typeof module !== "undefined") module.exports = { titled, tokensOf, linesOf, numberOf };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const { dispatch, write } = microtome;
  const byId = (id) => document.getElementById(id);
  const isOpen = ({ view }) => view.workspace === "figure";
  const CHOSEN = ["preset", "columns", "face", "palette", "theme"];
  const SWITCHES = [["letters", "letters a, b, c"], ["one_scale", "one scale per quantity"], ["one_bar", "one colour bar per row"]];
  const NUMBERS = [["width_mm", "width, mm"], ["font_pt", "letters, pt"]];
  const WORDS = [["title", "title"], ["x_label", "x axis"], ["y_label", "y axis"], ["note", "note in the plot"]];

  function element(tag, properties = {}, ...inside) {
    const { className = "", dataset = {}, ...rest } = properties;
    const made = Object.assign(document.createElement(tag), { className, ...rest });
    Object.assign(made.dataset, dataset);
    made.append(...inside);
    return made;
  }

  const labelled = (text, field) => element("label", {}, element("span", {}, text), field);

  // ---- the whole ------------------------------------------------------------------------------------------------

  function drawWhole(plate) {
    for (const name of CHOSEN) write(`plate-${name}`, { value: String(plate[name] ?? "") });
    const place = byId("plate-numbers");
    if (!place || place.contains(document.activeElement)) return;
    const places = shownPlaces || {};
    const preset = { width_mm: places.width, font_pt: places.points };
    const numbers = NUMBERS.map(([name, text]) => labelled(text, element("input", {
      type: "number", value: plate[name] ?? "", placeholder: preset[name] ?? "", min: 4, step: "any", dataset: { plateNumber: name },
    })));
    const switches = SWITCHES.map(([name, text]) => element("label", { className: "mt-plate-switch" },
      element("input", { type: "checkbox", checked: plate[name], dataset: { plateSwitch: name } }), text));
    place.replaceChildren(...numbers, ...switches);
  }

  // ---- its panels ------------------------------------------------------------------------------------------------

  const button = (text, title, at, act) => element("button", { type: "button", className: "mt-button", title, ariaLabel: title, dataset: { plateAct: act, at } }, text);

  function field(at, panel, [name, text]) {
    const value = panel[name];
    const input = element("input", { type: "text", value: value ?? "", placeholder: name === "note" ? "" : "as drawn", dataset: { plateWord: name, at } });
    const none = value === null || name === "note" ? [] : [button("↺", `Take ${text} as drawn`, at, `reset-${name}`)];
    return labelled(text, element("span", { className: "mt-plate-word" }, input, ...none));
  }

  function size(at, panel, name, text, min, max) {
    return labelled(text, element("input", { type: "number", value: panel[name], min, max, dataset: { plateSize: name, at } }));
  }

  /** The panel on the page that shows such a view. */
  function shownBy({ figure, recipe: { kind } }) {
    const of = JSON.parse(byId("plate-list").dataset.shownBy || "{}");
    return of[figure] || of[kind];
  }

  const textOf = (id) => (byId(id) ? byId(id).textContent : "");
  const nameOf = (view) => textOf(`${shownBy(view)}-title`) || view.recipe.kind.replaceAll("_", " ");

  function panelOf(panel, at) {
    const kind = nameOf(panel.view);
    const head = element("header", {}, element("b", {}, String.fromCharCode(97 + at)), element("span", { title: kind }, panel.title || kind),
      button("↑", "Move up", at, "up"), button("↓", "Move down", at, "down"), button("×", "Remove from the figure", at, "remove"));
    const tokens = element("textarea", { rows: 2, value: linesOf(panel.tokens), placeholder: "tick label=another", dataset: { plateTokens: "", at } });
    const open = element("details", { open: opened.has(at), dataset: { at } }, element("summary", {}, "words and size"),
      ...WORDS.map((each) => field(at, panel, each)), labelled("tick labels", tokens),
      element("div", { className: "mt-plate-sizes" }, size(at, panel, "span", "columns", 1, 6), size(at, panel, "height_mm", "height, mm", 15, 800)));
    open.addEventListener("toggle", () => (open.open ? opened.add(at) : opened.delete(at)));
    return element("section", { className: "mt-plate-panel" }, head, open);
  }

  const opened = new Set();

  function drawPanels({ panels }) {
    const place = byId("plate-list");
    if (!place || (place.contains(document.activeElement) && document.activeElement.matches("input, textarea"))) return;
    place.replaceChildren(...panels.map(panelOf));
  }

  // ---- the paper -------------------------------------------------------------------------------------------------

  let shownPlaces = null;

  function drawCheck(seen) {
    const said = seen.map(({ how, arms, lines, reads }) => element("tr", { className: reads ? "" : "is-wrong" },
      element("th", { scope: "row" }, how), element("td", {}, how === "grey" ? (reads ? "steady" : "not steady") : `ΔE ${arms}`),
      element("td", {}, how === "grey" ? `ΔL ${lines}` : `ΔE ${lines}`), element("td", {}, reads ? "✓" : "✗")));
    const head = element("tr", {}, ...["seen by", "signed colours", "lines", ""].map((text) => element("th", { scope: "col" }, text)));
    const tip = "How far apart colours are to each way of seeing, as a distance of colours (ΔE, CIE 1976) or, in grey, of lightness (ΔL). Signed colours: negative and positive cells of one strength; in grey each has to grow steadily. Lines: the two that are most alike. From 20 on they are told apart.";
    const words = element("p", { title: tip }, "Can its colours be told apart? ", element("i", {}, "?"));
    byId("plate-check").replaceChildren(words, element("table", { title: tip }, head, ...said));
  }

  function drawn(panel, { svg, check, places }) {
    shownPlaces = places;
    drawCheck(check);
    const paper = svg ? [new DOMParser().parseFromString(svg, "image/svg+xml").documentElement] : [];
    byId("plate-paper").replaceChildren(...paper);
    drawWhole(microtome.session().plate);
  }

  microtome.askPanel("plate", (session) => (isOpen(session) ? session.plate : null), {
    asked: ({ plate }) => plate, draw: drawn,
  });

  // ---- what is chosen --------------------------------------------------------------------------------------------

  /** A number that can stand is taken; of one that cannot, the box says again what stands. */
  function take(target, name, value, stands, action) {
    const why = microtome.plates.whyNot(name, value);
    if (why === null) return dispatch({ ...action, [name]: value });
    microtome.notify(why, true);
    target.value = stands ?? "";
  }

  const numberIn = (target, { plateNumber: name }) =>
    take(target, name, numberOf(target.value), microtome.session().plate[name], { type: "set-plate" });
  const sizeIn = (target, { plateSize: name, at }) =>
    take(target, name, Number(target.value), microtome.session().plate.panels[at][name], { type: "set-panel", at: Number(at) });

  const CHANGES = {
    plateNumber: (target) => numberIn(target, target.dataset),
    plateSwitch: (target) => dispatch({ type: "set-plate", [target.dataset.plateSwitch]: target.checked }),
    plateWord: (target) => dispatch({ type: "set-panel", at: Number(target.dataset.at), [target.dataset.plateWord]: target.value }),
    plateTokens: (target) => dispatch({ type: "set-panel", at: Number(target.dataset.at), tokens: tokensOf(target.value) }),
    plateSize: (target) => sizeIn(target, target.dataset),
  };

  document.addEventListener("change", ({ target }) => {
    const chosen = CHOSEN.find((name) => target.id === `plate-${name}`);
    if (chosen) dispatch({ type: "set-plate", [chosen]: chosen === "columns" ? Number(target.value) : target.value || null });
    const change = Object.keys(CHANGES).find((name) => target.dataset && name in target.dataset);
    if (change) CHANGES[change](target);
  });

  const ACTS = {
    up: (at) => ({ type: "move-panel", at, by: -1 }), down: (at) => ({ type: "move-panel", at, by: 1 }),
    remove: (at) => ({ type: "remove-panel", at }),
  };

  document.addEventListener("click", ({ target }) => {
    const { plateAct, at } = (target.closest && target.closest("[data-plate-act]") || { dataset: {} }).dataset;
    if (plateAct === undefined) return;
    const act = ACTS[plateAct];
    dispatch(act ? act(Number(at)) : { type: "set-panel", at: Number(at), [plateAct.slice("reset-".length)]: null });
  });

  // ---- files -----------------------------------------------------------------------------------------------------

  async function leave(form, pressed) {
    pressed.disabled = true;
    try {
      const response = await root.fetch(`${microtome.prefix()}plate/${form}`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ session: microtome.session() }),
      });
      if (!response.ok) throw new Error(response.status < 500 ? await response.text() : "The server failed; its log says why.");
      const link = element("a", { href: URL.createObjectURL(await response.blob()), download: `microtome-figure.${form}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      microtome.notify(error.message, true);
    } finally {
      pressed.disabled = false;
    }
  }

  document.addEventListener("click", ({ target }) => {
    const pressed = target.closest && target.closest("[data-plate]");
    if (pressed) leave(pressed.dataset.plate, pressed);
  });

  /** What the export menu gave to the page. */
  microtome.taken = (found) => {
    if (found && found.text) microtome.copyText(found.text).then((copied) =>
      microtome.notify(copied ? "Copied." : "The clipboard is not allowed here; take the file from the same menu.", !copied));
    if (found && found.panel) {
      const { view, title } = found.panel;
      const id = shownBy(view);
      dispatch({ type: "add-panel", panel: { ...found.panel, title: title ?? titled(id, nameOf(view), textOf(`${id}-of`)) } });
      microtome.notify(`Added to the figure as ${String.fromCharCode(96 + microtome.session().plate.panels.length)}.`);
    }
    return root.dash_clientside.no_update;
  };

  microtome.projections.push(({ session }, before) => {
    if (!before || before.session.plate !== session.plate) {
      drawWhole(session.plate);
      drawPanels(session.plate);
    }
  });
})(typeof window === "undefined" ? globalThis : window);
