/* Neurons: the layer is the last one selected, else the primary head's, else the last of the model; the neuron is the
 * selected one, else the server's choice. Rankings come with the figure. A bar selects its neuron, a bar of the card its
 * token.
 */
(function (root) {
  "use strict";

  const last = (list) => list[list.length - 1];

  /** {layer, neuron} of the selection, in a model of so many layers; null while that is not known. */
  function neuronAsked({ layers, primary, neuron }, n_layers) {
    if (layers.length) return { layer: last(layers), neuron };
    if (primary) return { layer: primary.layer, neuron: null };
    return n_layers ? { layer: n_layers - 1, neuron: null } : null;
  }

  /** The intervention on one neuron at every position. */
  const ablation = ({ layer, neuron }, method, reference) => ({
    kind: "ablate", method, reference, site: { activation: "mlp_post", layer, neurons: [neuron] },
  });

  /** What ranks them, and the token where that matters: the name of a reading of the bars. */
  const ranking = ({ residual: { neurons: { by } }, selection: { positions } }) =>
    (by === "activation" ? `${by} ${last(positions) ?? ""}` : by);

  if (typeof module !== "undefined") module.exports = { neuronAsked, ablation, ranking };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const byId = (id) => document.getElementById(id);
  const onScreen = ({ view }) => view.workspace === "residual" && view.section === "features";

  function drawLayers(layer) {
    const select = byId("neurons-layer");
    const count = microtome.shape().n_layers || 0;
    if (select.options.length !== count) {
      select.replaceChildren(...Array.from({ length: count }, (_, at) => new Option(`layer ${at}`, String(at))));
    }
    select.value = String(layer);
  }

  const asked = (session) => (onScreen(session) ? neuronAsked(session.selection, microtome.shape().n_layers) : null);

  function project({ session }) {
    if (!onScreen(session)) return;
    byId("neurons-by").value = session.residual.neurons.by;
    const here = asked(session);
    if (here) drawLayers(here.layer);
  }

  function ablate() {
    const gd = microtome.graph("neuron-card");
    const neuron = gd && microtome.metaOf(gd);
    if (!neuron || neuron.neuron === undefined) return;
    const method = microtome.ablateMethod();
    const { experiment: { prompts } } = microtome.session();
    const reference = method === "resample" && prompts.length > 1 ? "prompts" : "background";
    microtome.dispatch({ type: "add-intervention", interventions: [ablation(neuron, method, reference)] });
  }

  function clicked({ y }, add, gd) {
    const [, layer, neuron] = /^L(\d+)N(\d+)$/.exec((microtome.metaOf(gd).rows || [])[y] || "") || [];
    if (layer !== undefined) microtome.dispatch({ type: "click-place", layer: Number(layer), neuron: Number(neuron), add: false });
  }

  const clickedToken = ({ part, x }, add) =>
    part !== "rows" && x !== null && microtome.dispatch({ type: "click-position", position: x, add });

  Object.assign(microtome.clicks, { neurons: clicked, "neuron-card": clickedToken });
  /** The list is of a layer alone; which of it is shown is a mark. */
  const listed = (session) => asked(session) && { ...asked(session), neuron: null };
  microtome.askPanel("neurons", listed, { asked: listed });
  microtome.askPanel("neuron-card", asked, { asked });
  microtome.readAs("neurons", (session) => (onScreen(session) ? ranking(session) : null));
  microtome.projections.push(project);
  microtome.whenTokens(() => { // by then the model's layers are known
    project(microtome.current());
    microtome.tellPanels(microtome.session());
  });
  microtome.whenOpen(() => {
    byId("neurons-by").addEventListener("change", ({ target }) =>
      microtome.dispatch({ type: "show-residual", neurons: { by: target.value } }));
    byId("neurons-layer").addEventListener("change", ({ target }) =>
      microtome.dispatch({ type: "click-layer", layer: Number(target.value), add: false }));
    byId("neuron-ablate").addEventListener("click", ablate);
    project(microtome.current());
  });
})(typeof window === "undefined" ? globalThis : window);
