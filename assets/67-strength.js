/* The strength curve: what its controls choose, and the text at the strength under the pointer (meta.texts, by strength). */
(function (root) {
  "use strict";

  /** The strengths at which a change is first looked at. */
  const RANGES = { norm: [-1, 1], absolute: [-40, 40], clamp: [-40, 40], project_out: [0, 1], swap_along: [0, 1] };
  const NUMBERS = { "strength-low": "low", "strength-high": "high", "strength-count": "count" };
  const CHOSEN = {
    "strength-prompts": (of) => ({ of }),
    "strength-layer": (value) => ({ layer: value === "" ? null : Number(value) }),
    "strength-positions": (positions) => ({ positions }),
    "strength-by": (by) => ({ by, low: RANGES[by][0], high: RANGES[by][1] }),
    "strength-placebos": (value) => ({ placebos: value === "on" }),
    "strength-tokens": (value) => ({ tokens: Number(value) }),
    "strength-metric": (metric) => ({ metric }),
  };

  /** What the boxes of numbers say and the session does not say yet -> the fields, or null. */
  function numbersFor(values, asked) {
    const differing = Object.entries(values).filter(([control, value]) =>
      typeof value === "number" && value !== asked[NUMBERS[control]]);
    return differing.length ? Object.fromEntries(differing.map(([control, value]) => [NUMBERS[control], value])) : null;
  }

  /** [[strength, text], …] -> the text at the strength next to `x`, in words; "" without texts. */
  function textAt(texts, x) {
    if (!texts || !texts.length || !Number.isFinite(x)) return "";
    const [strength, text] = texts.reduce((best, each) => (Math.abs(each[0] - x) < Math.abs(best[0] - x) ? each : best));
    return `at ${Number(strength.toPrecision(4))}: ${text.replaceAll("\n", "↵")}`;
  }

  if (typeof module !== "undefined") module.exports = { RANGES, CHOSEN, numbersFor, textAt };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const { dispatch, write } = microtome;
  const ask = (strength) => dispatch({ type: "show-residual", strength });

  // ---- the text ------------------------------------------------------------------------------------------------

  let kept = null; // the strength that was clicked

  function say(gd, x) {
    const { texts } = microtome.metaOf(gd);
    const some = Boolean(texts && texts.length);
    write("strength-said", { hidden: !some, textContent: textAt(texts, x) || (some ? "Hover or click a strength to read its text." : "") });
  }

  microtome.bound.push((panel, hear) => {
    if (panel !== "strength") return;
    const plot = () => microtome.graph("strength");
    hear("plotly_hover", ({ points: [point] }) => say(plot(), point.x));
    hear("plotly_unhover", () => say(plot(), kept));
    hear("plotly_click", ({ points: [point] }) => { kept = point.x; say(plot(), kept); });
    hear("plotly_afterplot", () => plot() && say(plot(), kept));
  });

  const isOpen = ({ view }) => view.workspace === "residual" && view.section === "direction";
  microtome.readAs("strength", (session) => (isOpen(session) ? session.residual.strength.metric : null));
  microtome.asking.push({ id: "strength-reading", of: () => microtome.missing("strength") });

  // ---- controls ------------------------------------------------------------------------------------------------

  document.addEventListener("change", ({ target }) => { if (CHOSEN[target.id]) ask(CHOSEN[target.id](target.value)); });

  /** Where the curve is made unless a layer is chosen: the last of the places that the bar names. */
  function here(session) {
    const named = microtome.directions.chosenDirection(session);
    const { layers } = session.selection;
    const [place] = named ? microtome.runs.placesOf({ layers: layers.slice(-1) }, named.direction, microtome.shape().n_layers) : [];
    return place ? `as above, L${place.layer}${place.activation === "resid_post" ? "" : `.${place.activation}`}` : "as above";
  }

  function drawLayers(session) {
    const { layer } = session.residual.strength;
    const select = document.getElementById("strength-layer");
    if (!select) return;
    const count = microtome.shape().n_layers || 0;
    if (select.options.length !== count + 1) {
      const layers = Array.from({ length: count }, (_, at) => new Option(`layer ${at}`, String(at)));
      select.replaceChildren(new Option("", ""), ...layers);
    }
    select.options[0].text = here(session);
    select.value = layer === null ? "" : String(Math.min(layer, count - 1));
  }

  function draw(session) {
    const { experiment, residual: { strength } } = session;
    write("strength-prompts", { value: strength.of, disabled: experiment.prompts.length < 2 });
    drawLayers(session);
    for (const name of ["positions", "by", "metric"]) write(`strength-${name}`, { value: strength[name] });
    write("strength-placebos", { value: strength.placebos ? "on" : "off" });
    write("strength-tokens", { value: String(strength.tokens) });
  }

  function drawNumbers({ residual: { strength } }) {
    for (const [control, field] of Object.entries(NUMBERS)) microtome.setProps(control, { value: strength[field] });
  }

  function read() {
    const values = Object.keys(NUMBERS).map((control) => [control, (microtome.propsOf(control) || {}).value]);
    const fields = numbersFor(Object.fromEntries(values), microtome.session().residual.strength);
    if (fields) ask(fields);
    drawNumbers(microtome.session());
  }

  microtome.strengthControls = () => {
    queueMicrotask(() => microtome.session() && read());
    return root.dash_clientside.no_update;
  };
  microtome.projections.push(({ session }, before) => {
    draw(session);
    if (!before || before.session.residual.strength !== session.residual.strength) drawNumbers(session);
  });
})(typeof window === "undefined" ? globalThis : window);
