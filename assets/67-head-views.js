/* How the heads are drawn: one map, two maps or a scatter, and which numbers; controls without Dash, drawn from state.
 *
 * Every control is a plain button, checkbox or select; what it says is one action of the reducer (10-shown-heads.js).
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { drawnAs, drawing, sharesScale, PRESETS, presetAxes, presetOf } = microtome.heads;
  const DRAWINGS = { map: "One map", maps: "Two maps side by side", scatter: "Scatter: one number against another" };
  const RUNS = { "": "as shown", baseline: "baseline", intervened: "intervened", difference: "difference" };
  let controls = null;

  const heads = () => microtome.session().heads;
  const show = (fields) => microtome.dispatch({ type: "show-heads", ...fields });
  const alone = (quantity) => Boolean((microtome.headChoices()[quantity] || {}).alone);

  function element(tag, className, properties = {}, label = null) {
    const made = Object.assign(document.createElement(tag), { className, ...properties });
    if (label) made.setAttribute("aria-label", label);
    return made;
  }

  // ---- what there is to choose ---------------------------------------------------------------------------------

  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });

  /** All numbers, by group. */
  function quantityOptions() {
    const groups = new Map();
    for (const [name, { group, label }] of Object.entries(microtome.headChoices())) {
      if (!groups.has(group)) groups.set(group, Object.assign(document.createElement("optgroup"), { label: group }));
      groups.get(group).append(option(name, label));
    }
    return [...groups.values()];
  }

  function select(className, label, options, changed) {
    const made = element("select", `mt-native ${className}`, {}, label);
    made.append(...options);
    made.addEventListener("change", () => {
      changed(made.value);
      if (!made.matches(":focus-visible")) made.blur(); // else the arrow keys would stay here
    });
    return made;
  }

  function modeButtons() {
    const group = element("span", "mt-modes", {}, "How the heads are drawn");
    group.setAttribute("role", "group");
    for (const [drawn, label] of Object.entries(DRAWINGS)) {
      const button = element("button", "mt-mode", { type: "button", title: label }, label);
      button.append(element("span", `mt-icon mt-icon-${drawn}`));
      button.dataset.drawn = drawn;
      button.addEventListener("click", () => show(drawing(drawn, heads())));
      group.append(button);
    }
    return group;
  }

  /** One axis: its letter, its number, and of which run where there are several. */
  function axis(letter, label) {
    const made = element("span", "mt-axis");
    const changed = (fields) => show({ [letter]: { ...heads()[letter], ...fields } });
    const number = select("mt-number-of", label, quantityOptions(), (quantity) => changed({ quantity }));
    const runs = Object.entries(RUNS).map(([value, text]) => option(value, text));
    const run = select("mt-run-of", `${label}: which run`, runs, (value) => changed({ show: value || null }));
    made.append(element("span", "mt-quiet", { textContent: letter }), number, run);
    return { made, number, run };
  }

  function lassoButton() {
    const button = element("button", "mt-button mt-lasso", { type: "button", title: "Lasso: drag around heads instead of a box over them; shift adds" }, "Lasso");
    button.append(element("span", "mt-icon mt-icon-lasso"));
    button.addEventListener("click", () => {
      microtome.setLasso(!microtome.lassoOn());
      draw();
    });
    return button;
  }

  function presetSelect() {
    const options = [option("", "axes of your own"), ...PRESETS.map(({ name, label }) => option(name, label))];
    return select("mt-preset", "What is compared", options, (name) => show(presetAxes(name, heads(), alone)));
  }

  function oneScale() {
    const label = element("label", "mt-one-scale mt-quiet", { title: "The same colours on both maps, where they have the same unit and both a sign or none" });
    const box = element("input", "", { type: "checkbox" });
    box.addEventListener("change", () => show({ one_scale: box.checked }));
    label.append(box, "one scale");
    return { label, box };
  }

  function build(place) {
    const made = {
      modes: modeButtons(), preset: presetSelect(), scale: oneScale(), lasso: lassoButton(), y: axis("y", "Up"),
      x: axis("x", "Across"),
      beside: select("mt-beside", "Quantity of the second map", quantityOptions(), (beside) => show({ beside })),
    };
    place.replaceChildren(made.modes, made.preset, made.lasso, made.scale.label, made.beside, made.y.made, made.x.made);
    controls = made;
  }

  // ---- what is chosen ------------------------------------------------------------------------------------------

  const formulaOf = (quantity) => (microtome.headChoices()[quantity] || {}).formula || "";

  function drawAxis({ number, run }, { quantity, show: shown }, several) {
    Object.assign(number, { value: quantity, title: formulaOf(quantity) });
    Object.assign(run, { value: shown || "", hidden: !several && !shown });
  }

  function draw() {
    if (!controls) return;
    const { heads: asked, experiment, view } = microtome.session();
    const choices = microtome.headChoices();
    const drawn = drawnAs(asked);
    document.getElementById("head-matrix-panel").dataset.drawn = drawn;
    for (const button of controls.modes.children) {
      button.setAttribute("aria-pressed", String(button.dataset.drawn === drawn));
    }
    controls.preset.value = presetOf(asked, alone) || "";
    controls.lasso.setAttribute("aria-pressed", String(microtome.lassoOn()));
    const alike = sharesScale(choices[asked.quantity], choices[asked.beside], view.show);
    Object.assign(controls.scale.box, { checked: asked.one_scale && alike, disabled: !alike });
    Object.assign(controls.beside, { value: asked.beside || "", title: formulaOf(asked.beside) });
    const several = microtome.state.anyOn(experiment);
    document.getElementById("head-matrix-panel").dataset.runs = several || asked.x.show || asked.y.show ? "several" : "one";
    drawAxis(controls.y, asked.y, several);
    drawAxis(controls.x, asked.x, several);
  }

  microtome.projections.push(({ session }, before) => {
    const old = before && before.session;
    const same = old && old.heads === session.heads && old.experiment === session.experiment;
    if (same && old.view.show === session.view.show) return;
    draw();
    if (old && drawnAs(old.heads) !== drawnAs(session.heads)) root.requestAnimationFrame(microtome.resizeAll);
  });
  microtome.whenOpen(() => {
    const place = document.getElementById("head-views");
    if (place) build(place);
    draw();
  });
})(window);
