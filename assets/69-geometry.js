/* The *Geometry* section: what is asked of the server, and lassos on the map of activations.
 *
 * A lasso selects prompts of the set and tokens of the prompt on screen. A second one with Shift adds a group, and the
 * difference of means between the first and the second becomes a direction of the library.
 */
(function (root) {
  "use strict";

  const MOST_SAMPLES = 400; // a direction travels in the link
  const isOpen = ({ view }) => view.workspace === "residual" && view.section === "geometry";
  const lastOf = (list) => (list.length ? list[list.length - 1] : null);

  /** What the numbers by layer are drawn for: null while they are not on screen. */
  const geometryAsked = (session) => (isOpen(session) ? { position: lastOf(session.selection.positions) } : null);

  /** What a map is computed for: nothing of its colours. Without a layer of its own it follows the selected one. */
  function mapAsked(session) {
    if (!isOpen(session)) return null;
    const { colour, ...asked } = session.residual.map;
    return { ...asked, layer: asked.layer ?? lastOf(session.selection.layers) };
  }

  /** Where a map is made unless a layer is chosen: `selected, L9`, else `last, L29`. */
  function placeSaid({ selection: { layers } }, count) {
    return layers.length ? `selected, L${Math.min(lastOf(layers), count - 1)}` : `last, L${count - 1}`;
  }

  /** What lassos are of: of another map, or of another run, their points are others. */
  const lassoedOf = (session) => JSON.stringify([mapAsked(session), session.experiment, session.view.show]);

  /** What a map is drawn for: colours need nothing new, but projections the direction that is looked at; one that takes
   * long is there once it has been `computed`, whose times are told apart. */
  function mapDrawn(session, chosen, computed) {
    const asked = mapAsked(session);
    if (!asked) return null;
    const direction = session.residual.map.colour === "projection" ? chosen : null;
    return { ...asked, direction, computed: asked.method === "pca" ? null : computed };
  }

  /** Points of the set, [prompt, position, side] each, and which of them -> what they select. */
  function placesOf(points, chosen, { prompt, base }) {
    const found = chosen.map((at) => points[at]);
    const here = found.filter(([of, , side]) => of === prompt && side === base);
    const unique = (values) => [...new Set(values)].sort((a, b) => a - b);
    return { prompts: unique(found.map(([of]) => of)), positions: unique(here.map(([, position]) => position)) };
  }

  /** The samples of points: the text of each one's side, and its position. */
  const samplesOf = (points, chosen, pairs) =>
    chosen.map((at) => {
      const [prompt, position, side] = points[at];
      return { text: pairs[prompt][side], position };
    });

  /** Two groups of points -> a named difference of means; the second is what is taken away. */
  function between(points, [plus, minus], pairs, { activation, layer }) {
    const [first, second] = [plus, minus].map((chosen) => samplesOf(points, chosen, pairs));
    const direction = { kind: "mean_difference", activation, layer, plus: first, minus: second };
    return { name: `A − B, ${activation} L${layer}`, direction };
  }

  /** What a lasso with Shift adds to the group before. */
  const added = (all, before) => all.filter((at) => !before.includes(at));

  if (typeof module !== "undefined") {
    module.exports = { geometryAsked, mapAsked, mapDrawn, placeSaid, lassoedOf, placesOf, between, added, MOST_SAMPLES };
  }
  if (typeof document === "undefined") return;

  // ---- what is asked ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { dispatch } = microtome;
  const PANEL = "activation-map";
  const byId = (id) => document.getElementById(id);

  microtome.askPanel("geometry", geometryAsked);
  const { chosenDirection, missingDirection } = microtome.directions;
  const looked = (session) => chosenDirection(session) || missingDirection(session);
  let computed = null; // when the server last finished a map that takes long
  microtome.askPanel(PANEL, (session) => mapDrawn(session, looked(session), computed));
  microtome.asking.push({ id: "map-asked", of: mapAsked });
  microtome.mapComputed = (ended) => {
    computed = ended || null;
    if (microtome.session()) microtome.tellPanels(microtome.session());
    return root.dash_clientside.no_update;
  };
  microtome.readAs("geometry", (session) => (isOpen(session) ? session.residual.geometry.drawn : null));
  microtome.readAs(PANEL, (session) => (isOpen(session) ? session.residual.map.colour : null));

  // ---- controls --------------------------------------------------------------------------------------------------

  const CONTROLS = {
    "geometry-drawn": (value) => ({ geometry: { drawn: value } }),
    "map-method": (value) => ({ map: { method: value } }),
    "map-activation": (value) => ({ map: { activation: value } }),
    "map-layer": (value) => ({ map: { layer: value === "" ? null : Number(value) } }),
    "map-positions": (value) => ({ map: { positions: value } }),
    "map-colour": (value) => ({ map: { colour: value } }),
  };

  function drawLayers(session, { layer }) {
    const select = byId("map-layer");
    const count = microtome.shape().n_layers || 0;
    if (select.options.length !== count + 1) {
      const layers = Array.from({ length: count }, (_, at) => new Option(`layer ${at}`, String(at)));
      select.replaceChildren(new Option("", ""), ...layers);
    }
    select.options[0].text = count ? placeSaid(session, count) : "";
    select.value = layer === null ? "" : String(Math.min(layer, count - 1));
  }

  function drawControls(session) {
    const { geometry, map } = session.residual;
    const values = {
      "geometry-drawn": geometry.drawn, "map-method": map.method, "map-activation": map.activation,
      "map-positions": map.positions,
    };
    for (const [id, value] of Object.entries(values)) if (byId(id)) byId(id).value = value;
    microtome.offerLabels("map-colour", session.experiment, map.colour);
    if (byId("map-layer")) drawLayers(session, map);
    microtome.write(`${PANEL}-foot`, { hidden: map.method === "pca" });
  }

  document.addEventListener("change", (event) => {
    const act = CONTROLS[event.target.id];
    if (act) dispatch({ type: "show-residual", ...act(event.target.value) });
  });

  // ---- lassos ----------------------------------------------------------------------------------------------------

  let before = { points: [], all: [] }; // the lasso before, and the map's points that it counts in
  const STALE = "This map is of the run before; lasso once the present one is drawn.";

  const pairs = ({ experiment: { prompts, prompt } }) => (prompts.length ? prompts : [prompt]);
  const say = (text) => { byId("map-groups").textContent = text; };

  function makeDirection({ points, activation, layer }, groups, session) {
    if (groups.some((group) => group.length > MOST_SAMPLES)) {
      say(`A group has more than ${MOST_SAMPLES} points, more than a direction keeps; lasso fewer.`);
      return;
    }
    const made = between(points, groups, pairs(session), { activation, layer });
    dispatch({ type: "add-direction", ...made });
    say(`A: ${groups[0].length} points, B: ${groups[1].length}. The direction A − B is made: to A, away from B (difference of means of the plain run); z undoes it.`);
  }

  function lassoed(event) {
    const gd = microtome.graph(PANEL);
    if (!event || !gd) return;
    if (byId(`${PANEL}-panel`).hasAttribute("data-stale")) return void say(STALE);
    const map = microtome.metaOf(gd);
    const session = microtome.session();
    const all = event.points.map((point) => point.customdata).filter((at) => at !== undefined);
    const first = microtome.state.same(before.points, map.points) ? before.all : []; // of another map it means nothing
    const second = added(all, first);
    if (microtome.shiftHeld() && first.length && second.length) makeDirection(map, [first, second], session);
    else choose(map.points, all, session);
  }

  function choose(points, all, session) {
    before = { points, all };
    const { selection, experiment } = session;
    dispatch({ type: "set-places", ...placesOf(points, all, { prompt: selection.prompt, base: experiment.base }) });
    say(`A: ${all.length} points. Shift and another lasso (B) makes the direction A − B: to A, away from B.`);
  }

  let of = null; // what the lassos were of
  let hint = null; // what stands there before the first

  /** Another map has no lasso yet. */
  function forget(session) {
    const now = lassoedOf(session);
    hint ??= byId("map-groups").textContent;
    if (of !== null && of !== now) {
      before = { points: [], all: [] };
      say(hint);
      const gd = microtome.graph(PANEL);
      if (gd && (gd.layout.selections || []).length) root.Plotly.relayout(gd, { selections: [] });
    }
    of = now;
  }

  microtome.afterPlot.push((gd, panel) => panel === PANEL && drawControls(microtome.session())); // its model is known

  microtome.bound.push((panel, hear) => {
    if (panel !== PANEL) return;
    hear("plotly_selected", lassoed);
    hear("plotly_click", (event) => {
      const [point] = (event && event.points) || [];
      if (point) dispatch({ type: "select-prompt", index: microtome.metaOf(microtome.graph(PANEL)).points[point.customdata][0] });
    });
  });

  microtome.projections.push(({ session }, before) => {
    if (!before || before.session.residual !== session.residual || isOpen(session)) drawControls(session);
    if (isOpen(session) && byId("map-groups")) forget(session);
  });
})(typeof window === "undefined" ? globalThis : window);
