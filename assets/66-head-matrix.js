/* The head matrix takes another number without the server: the live heatmap gets other values, colours, hover and name.
 *
 * The server draws it first, while a sweep runs, and for other runs; it draws two maps and the scatter, and says what to
 * do where there are no numbers.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { setProps, propsOf, graph, headFigure } = microtome;
  const { drawnAs, numbersShown } = microtome.heads;
  const whenIdle = root.requestIdleCallback || ((act) => setTimeout(act, 50));
  const PANEL = "head-matrix";
  let mine = { trace: null, key: null }; // what was drawn here and not by the server

  const keyOf = (drawn, numbers, oneScale) => JSON.stringify([drawn, numbers, drawn === "maps" && oneScale]);

  const alone = (quantity) => Boolean((microtome.headChoices()[quantity] || {}).alone);

  /** What the live figure shows. */
  function drawnKey(gd) {
    if (gd.data[0] === mine.trace) return mine.key;
    const { drawn, numbers, one_scale: oneScale } = microtome.metaOf(gd);
    return keyOf(drawn, numbers, oneScale);
  }

  /** What is asked for: {drawn, key}, and of one map its number. */
  function wanted() {
    const { heads, view } = microtome.session();
    const drawn = drawnAs(heads);
    const numbers = numbersShown(heads, view.show, alone);
    const [[quantity, show]] = numbers;
    return { drawn, key: keyOf(drawn, numbers, heads.one_scale), quantity, show, choice: microtome.headChoices()[quantity] || {} };
  }

  /** It reads the session's stores. */
  function askServer() {
    microtome.writeStores();
    setProps("matrix-asked", { data: Date.now() });
  }

  /** Further lines of the hover. */
  function linesOf({ choice, show, values, base, told, shape }) {
    const lines = [];
    if (base) {
      const name = `${headFigure.delta(show)}${base.name} ${headFigure.spoken(Math.fround(base.value))}, ` +
        `${headFigure.delta(show)}${choice.done}`;
      lines.push({ name, values: Array.from(values, (value) => Math.fround(value + base.value)), signed: true });
    }
    if (told) lines.push({ name: "attention to the first token", values: told, signed: false });
    const texts = headFigure.sharedBy(choice.shared, shape, microtome.shape().n_key_value_heads);
    if (texts.length) lines.push({ texts });
    return lines;
  }

  function paint(gd, found, key) {
    const { values, shape, choice, show } = found;
    const drawn = headFigure.cells(values, shape, choice, { show, more: linesOf(found) });
    const { heatmap, hatch } = headFigure.changes(drawn);
    root.Plotly.restyle(gd, heatmap, [0]);
    if (drawn.hatch.x.length || gd.data[3].x.length) root.Plotly.restyle(gd, hatch, [3]);
    mine = { trace: gd.data[0], key };
  }

  function painted() {
    performance.mark("microtome:quantity-painted");
    performance.measure("microtome:quantity-switch", "microtome:quantity", "microtome:quantity-painted");
  }

  /** The panel's state and its line of what: after the paint, because Dash takes its time. */
  function say({ choice, show }) {
    const of = choice.alone ? "the model alone" :
      [microtome.sideOf(choice), show].filter(Boolean).join(", ");
    const { number } = (propsOf("digests-heads") || {}).data || {};
    setProps(`${PANEL}-panel`, { className: `mt-panel is-ready${number === undefined ? "" : ` of-${number}`}` });
    setProps(`${PANEL}-message`, { children: "" });
    setProps(`${PANEL}-of`, { children: of });
  }

  /** One map takes another number by itself, where a map is there; the server draws everything else. */
  async function draw() {
    const { drawn, key, quantity, choice, show } = wanted();
    const gd = graph(PANEL);
    if (!gd) return askServer();
    if (drawnKey(gd) === key) return drawn === "map" ? say({ choice, show }) : askServer();
    if (drawn !== "map" || microtome.metaOf(gd).drawn !== "map") return askServer();
    let found;
    try {
      found = await microtome.headNumbers(quantity);
    } catch {
      return wanted().key === key && askServer();
    }
    if (wanted().key !== key || graph(PANEL) !== gd) return undefined;
    paint(gd, found, key);
    root.requestAnimationFrame(() => setTimeout(painted));
    return whenIdle(() => say(found));
  }

  // ---- the control --------------------------------------------------------------------------------

  let told = null; // what the control was last set to here: any other value is a person's

  function show() {
    whenIdle(() => {
      const { quantity } = microtome.session().heads;
      if (told !== quantity) setProps("quantity", { value: quantity });
      told = quantity;
    });
  }

  function read() {
    const { value } = propsOf("quantity") || {};
    if (!value || told === null || value === told) return show();
    told = value;
    return microtome.dispatch({ type: "show-heads", quantity: value });
  }

  /** Dash reports that the control was set: by a person, or here. */
  function headControls() {
    queueMicrotask(() => microtome.session() && read());
    return root.dash_clientside.no_update;
  }

  microtome.headControls = headControls;
  microtome.afterPlot.push((gd, panel) => {
    if (panel !== PANEL || !gd.data.length || !microtome.session()) return;
    if (drawnKey(gd) !== wanted().key && microtome.metaOf(gd).show === microtome.session().view.show) draw();
  });
  microtome.projections.push(({ session }, before) => {
    const old = before && before.session.heads;
    if (old === session.heads) return;
    if (old) {
      performance.mark("microtome:quantity");
      draw();
    }
    show();
  });
})(window);
