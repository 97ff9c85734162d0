/* The lens: what colours it is switched on the live figure, from numbers that came with it (app/figures/lens_colours.py);
 * which lens, which tokens and which layer are controls of the state (residual.lens, residual.written).
 */
(function (root) {
  "use strict";

  /** float32 in base64 -> rows. */
  function unpacked({ z, shape: [rows, columns] }) {
    const bytes = Uint8Array.from(root.atob(z), (letter) => letter.charCodeAt(0));
    const numbers = new Float32Array(bytes.buffer);
    return Array.from({ length: rows }, (_, row) => numbers.subarray(row * columns, (row + 1) * columns));
  }

  /** In a difference the probability of the top token has no meaning: the two runs have different ones. */
  const shownColour = ({ view, residual }) =>
    (view.show === "difference" && residual.lens.colour === "probability" ? "logit_diff" : residual.lens.colour);

  /** What Plotly.restyle takes to show one choice. */
  function restyling(colour) {
    const { zmin, zmax, colorbar: { title, tickmode, tickvals, ticktext } } = colour.scale;
    return {
      z: [unpacked(colour)], zmin, zmax, autocolorscale: true, "colorbar.title.text": title.text,
      "colorbar.tickmode": tickmode, "colorbar.tickvals": [tickvals], "colorbar.ticktext": [ticktext],
    };
  }

  /** The recipe's fields of the lens; null for the logit lens. */
  const lensAsked = ({ lens, folder, fingerprint }) => (lens === "tuned" ? { lens, folder, fingerprint } : null);

  const onScreen = ({ view }) => view.workspace === "residual" && view.section === "lens";
  const positionOf = ({ selection: { positions } }) => (positions.length ? positions[positions.length - 1] : null);

  function tokensAsked(session) {
    if (!onScreen(session)) return null;
    const { lens } = session.residual;
    return { tokens: lens.tokens, position: positionOf(session), ...(lensAsked(lens) || {}) };
  }

  function writtenAsked(session) {
    if (!onScreen(session)) return null;
    const { lens, written } = session.residual;
    return { tokens: lens.tokens, position: positionOf(session), layer: written.layer };
  }

  /** Without a choice the answers are followed: the first token that is chosen joins them. */
  function followed({ experiment: { prompt }, residual: { lens } }, chosen) {
    if (lens.tokens.length || chosen.length !== 1) return chosen;
    return [...new Set([...prompt.answer, ...prompt.incorrect_answer, ...chosen])];
  }

  root.microtome = root.microtome || {};
  root.microtome.writtenAsked = writtenAsked;
  if (typeof module !== "undefined") module.exports = { unpacked, shownColour, restyling, lensAsked, tokensAsked, writtenAsked, followed };
  if (typeof document === "undefined") return;

  // ---- colour ----------------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const { setProps, state, shownToken } = microtome;
  const byId = (id) => document.getElementById(id);

  function recolour() {
    const gd = microtome.graph("lens");
    const session = microtome.session();
    const meta = gd && session && microtome.metaOf(gd);
    if (!meta || !meta.colours) return;
    const name = shownColour(session);
    for (const option of byId("lens-colour").options) option.disabled = !(option.value in meta.colours);
    byId("lens-colour").value = name;
    if (meta.coloured === name || !meta.colours[name]) return;
    meta.coloured = name;
    root.Plotly.restyle(gd, restyling(meta.colours[name]), [0]);
  }

  microtome.afterPlot.push((gd, panel) => panel === "lens" && recolour());

  // ---- controls --------------------------------------------------------------------------------------------------

  const show = (fields) => microtome.dispatch({ type: "show-residual", ...fields });

  /** A tuned lens is asked for once its folder has been read. */
  function chooseLens(kind) {
    const { folder, fingerprint } = microtome.session().residual.lens;
    if (kind === "logit" || (folder && fingerprint)) show({ lens: { lens: kind } });
    byId("lens-panel").dataset.lens = kind;
    if (kind === "tuned") byId("lens-folder").focus();
  }

  function drawControls({ residual: { lens, written } }) {
    byId("lens-kind").value = lens.lens;
    byId("lens-panel").dataset.lens = lens.lens;
    if (lens.folder) setProps("lens-folder", { value: lens.folder });
    const options = lens.tokens.map((token) => ({ value: token, label: shownToken(token) }));
    if (!state.same((microtome.propsOf("lens-tokens") || {}).value, lens.tokens)) {
      setProps("lens-tokens", { data: options, value: [...lens.tokens] });
    }
    drawLayers(written.layer);
  }

  function drawLayers(layer) {
    const select = byId("component-layer");
    const count = microtome.shape().n_layers || 0;
    if (select.options.length !== count + 1) {
      const layers = Array.from({ length: count }, (_, at) => new Option(`layer ${at}`, String(at)));
      select.replaceChildren(new Option("largest", ""), ...layers);
    }
    select.value = layer === null ? "" : String(layer);
  }

  microtome.asking.push({ id: "lens-asked", of: ({ residual }) => lensAsked(residual.lens) });
  microtome.askPanel("token-trajectory", tokensAsked, { asked: tokensAsked });

  microtome.projections.push(({ session }, before) => {
    if (before && before.session.residual === session.residual) return; // another run's figure comes in its own colours
    drawControls(session);
    recolour();
  });

  microtome.whenOpen(() => {
    byId("lens-colour").addEventListener("change", (event) => show({ lens: { colour: event.target.value } }));
    byId("lens-kind").addEventListener("change", (event) => chooseLens(event.target.value));
    byId("component-layer").addEventListener("change", ({ target }) =>
      show({ written: { layer: target.value === "" ? null : Number(target.value) } }));
    byId("component-layer").addEventListener("pointerdown", () => drawLayers(microtome.session().residual.written.layer));
    drawControls(microtome.session());
  });

  const none = () => root.dash_clientside.no_update;

  function lensTokens(value) {
    const session = microtome.session();
    const chosen = session ? followed(session, value || []) : [];
    if (session && !state.same(chosen, session.residual.lens.tokens)) show({ lens: { tokens: chosen } });
    return none();
  }

  function lensRead(found) {
    if (found && microtome.session()) show({ lens: { lens: "tuned", ...found } });
    return none();
  }

  Object.assign(microtome, { lensHooks: { lensTokens, lensRead } });
})(typeof window === "undefined" ? globalThis : window);
