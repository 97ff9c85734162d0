/* What the logit difference is made of: level, scale and prompts are controls of the state (residual.parts). All levels
 * come with the figure, so that only scale and prompts ask the server.
 * A bar is clicked for what it names: `L5`, `L5.mlp`, `L5H1`, `L5H1 ← 3 ·Mary`, `L5N12`.
 */
(function (root) {
  "use strict";

  const NAMED = /^L(\d+)(?:\.(?:attn|mlp)|H(\d+)(?: ← (\d+)(?: .*)?)?|N(\d+))?$/s;
  const index = (text) => (text === undefined ? undefined : Number(text));

  /** What a bar stands for: {layer, head, position, neuron}, as far as it has them; null for what is no place. */
  function placeOf(label) {
    const [, layer, head, position, neuron] = NAMED.exec(label) || [];
    return layer === undefined ? null : { layer: index(layer), head: index(head), position: index(position), neuron: index(neuron) };
  }

  /** The action of a click on a bar; null where it selects nothing. */
  function clickOn(label, add) {
    const place = placeOf(label);
    if (!place) return null;
    const { layer, head, position, neuron } = place;
    if (neuron !== undefined) return { type: "click-place", layer, neuron, add };
    if (position !== undefined) return { type: "click-place", layer, head, position, add };
    return head === undefined ? { type: "click-layer", layer, add } : { type: "click-head", layer, head, add };
  }

  /** What is computed; the level is a reading. */
  const asked = ({ residual: { parts } }) => ({ scale: parts.scale, over: parts.over });
  const onScreen = ({ view }) => view.workspace === "residual" && view.section === "parts";

  if (typeof module !== "undefined") module.exports = { placeOf, clickOn, asked };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const { setProps } = microtome;
  const byId = (id) => document.getElementById(id);
  const show = (parts) => microtome.dispatch({ type: "show-residual", parts });

  function draw(session) {
    const { level, scale, over } = session.residual.parts;
    setProps("parts-level", { value: level });
    byId("parts-scale").value = scale;
    byId("parts-over").value = over;
    byId("parts-over").hidden = session.experiment.prompts.length < 2;
  }

  /** A bar, or the label left of it. */
  function clicked({ y }, add, gd) {
    const label = y === null ? undefined : (microtome.metaOf(gd).rows || [])[y];
    const action = label && clickOn(label, add);
    if (action) microtome.dispatch(action);
  }

  microtome.askPanel("decomposition", (session) => (onScreen(session) ? asked(session) : null));
  microtome.readAs("decomposition", (session) => (onScreen(session) ? session.residual.parts.level : null));
  microtome.projections.push(({ session }, before) => {
    if (!before || before.session.residual !== session.residual || before.session.experiment !== session.experiment) draw(session);
  });
  microtome.clicks.decomposition = clicked;
  microtome.whenOpen(() => {
    byId("parts-level").addEventListener("change", ({ target }) => {
      show({ level: target.value });
      if (!target.matches(":focus-visible")) target.blur(); // else the arrow keys would stay here
    });
    byId("parts-scale").addEventListener("change", ({ target }) => show({ scale: target.value }));
    byId("parts-over").addEventListener("change", ({ target }) => show({ over: target.value }));
    draw(microtome.session());
  });
})(typeof window === "undefined" ? globalThis : window);
