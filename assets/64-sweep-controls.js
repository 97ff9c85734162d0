/* The controls of the *Ablate & patch* workspace: each writes one field of the session's sweep, and shows what is there.
 *
 * Dash reports that some control was set; which of them differ from the state decides. A control that the state refuses
 * is set back to it.
 */
(function (root) {
  "use strict";

  const asText = (value) => (value === null ? "" : value);
  /** layouts/sweep_controls.py: one choice that stands for three. */
  const ABLATIONS = ["zero", "mean", "resample"];
  const everyOne = (values) => (values && values.includes("ablations") ? ABLATIONS : values || []);
  const same = (value) => value;

  /** Control -> [property, field, from the field to the control, back]. */
  const CONTROLS = {
    "sweep-method": ["value", "method"],
    "sweep-against": ["value", "against", same, everyOne],
    "sweep-activation": ["value", "activation"],
    "sweep-by": ["value", "by"],
    "sweep-window": ["value", "window"],
    "sweep-layer": ["value", "layer", asText],
    "sweep-restrict": ["checked", "restricted"],
    "sweep-metric": ["value", "metric"],
    "sweep-normalised": ["value", "normalised"],
    "sweep-significant": ["checked", "significant"],
    "sweep-reference": ["value", "reference"],
    "sweep-pooled": ["checked", "pooled"],
    "sweep-draws": ["value", "draws"],
    "sweep-seed": ["value", "seed"],
    "sweep-freeze": ["value", "freeze"],
    "sweep-direction": ["value", "direction"],
    "sweep-softmax": ["checked", "softmax_correction"],
    "sweep-grad-drop": ["checked", "grad_drop"],
    "sweep-steps": ["value", "ig_steps"],
    "sweep-one-scale": ["checked", "one_scale"],
    "against-as": ["value", "against_as"],
    "sweep-noise-scale": ["value", "noise_scale"],
    "sweep-noise-seed": ["value", "noise_seed"],
  };
  const NOISE = { noise_scale: "scale", noise_seed: "seed" };

  const onlyOne = (values) => (values && values.length === 1 ? values[0] : null);

  /** The sweep with its cells' fields, their layer if it is one, and the noise's scale and seed beside its own. */
  const flat = ({ cells, ...sweep }) => ({
    ...sweep, ...cells, layer: onlyOne(cells.layers), noise_scale: sweep.noise ? sweep.noise.scale : 3,
    noise_seed: sweep.noise ? sweep.noise.seed : 1,
  });

  /** What the controls show of a sweep: {control: {property: value}}. */
  function shown(sweep) {
    const fields = flat(sweep);
    return Object.fromEntries(Object.entries(CONTROLS).map(([control, [property, field, write = same]]) =>
      [control, { [property]: write(fields[field]) }]));
  }

  /** One control, set to this -> the action, or null where the sweep is so already or the value is none yet. */
  function actionFor(control, value, sweep) {
    const [, field, , read = same] = CONTROLS[control];
    const wanted = read(value);
    const now = flat(sweep)[field];
    if (wanted === undefined || wanted === "" || JSON.stringify(wanted) === JSON.stringify(now)) return null;
    if (field === "restricted") return { type: "restrict-sweep", on: wanted };
    if (field === "layer") return { type: "set-sweep", layers: [wanted] };
    if (!(field in NOISE)) return { type: "set-sweep", [field]: wanted };
    return sweep.noise ? { type: "set-sweep", noise: { ...sweep.noise, [NOISE[field]]: wanted } } : null;
  }

  /** Whether a sweep's button is off: nothing is left to run, or it runs or waits, which is when Cancel is on. */
  const startIsOff = (done, idle) => Boolean(done) || idle === false;

  if (typeof module !== "undefined") module.exports = { ABLATIONS, CONTROLS, shown, actionFor, startIsOff };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;

  function draw() {
    const session = microtome.session();
    if (!session) return;
    for (const [control, props] of Object.entries(shown(session.sweep))) microtome.setProps(control, props);
  }

  /** The state keeps what it can: a window of more layers than there are becomes all of them. */
  function sayRefused(control, value) {
    const now = shown(microtome.session().sweep)[control][CONTROLS[control][0]];
    const field = document.getElementById(control);
    const said = typeof value === "number" && microtome.setTo(field && field.getAttribute("aria-label"), String(value), String(now));
    if (said) microtome.notify(said);
  }

  function read() {
    for (const [control, [property]] of Object.entries(CONTROLS)) {
      const { [property]: value } = microtome.propsOf(control) || {};
      const action = actionFor(control, value, microtome.session().sweep);
      if (!action) continue;
      microtome.dispatch(action);
      sayRefused(control, value);
    }
    draw();
  }

  /** Several may be set in one go (undo, a link): they are read once all of them are, and then say what is there. */
  function sweepControls() {
    queueMicrotask(() => microtome.session() && read());
    return root.dash_clientside.no_update;
  }

  /** How many stand side by side, for the style sheet; words about the run before are wrong for another run. */
  function aside({ sweep, view }, before) {
    document.body.dataset.beside = sweep.against.length;
    document.body.dataset.besideAs = sweep.against_as;
    if (!before || before.view.show === view.show) return;
    for (const panel of ["sweep-map", "against"]) microtome.setProps(`${panel}-text`, { children: "" });
  }

  microtome.sweepControls = sweepControls;
  microtome.startIsOff = startIsOff;
  microtome.projections.push(({ session }, before) => aside(session, before && before.session));
  microtome.projections.push(({ session }, before) => {
    if (!before || before.session.sweep !== session.sweep) draw();
  });
})(typeof window === "undefined" ? globalThis : window);
