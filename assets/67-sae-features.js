/* Features of a sparse autoencoder: the folder, the feature and what ranks them are part of the state (residual.features);
 * what is to be computed and what ranks the bars are told to the server in stores of their own. A bar selects its
 * feature, a token beside them or a bar of the card its token.
 */
(function (root) {
  "use strict";

  const last = (list) => list[list.length - 1];

  /** What the server is to compute: null without a folder that was read. */
  const featuresAsked = ({ residual: { features: { folder, fingerprint, feature } } }) =>
    (folder && fingerprint ? { folder, fingerprint, feature } : null);

  /** What ranks them, and the token where that matters; "" says that no folder is named. */
  function featuresShown({ residual: { features: { folder, by } }, selection: { positions } }) {
    if (!folder) return "";
    return by === "activation" ? `${by} ${last(positions) ?? ""}` : by;
  }

  /** The direction of a feature, as the server reads it, of an autoencoder of this layer. */
  const featureDirection = ({ folder, fingerprint }, { feature, layer, activation }) =>
    ({ kind: "sae_feature", folder, feature, fingerprint, layer, activation });

  /** `L15.resid_post` -> where its interventions hold. */
  const siteOf = ({ layer, activation }) => ({ activation, layer });

  /** Ablating it, and steering by what it adds where it is most active. */
  function featureChange(kind, asked, card) {
    const site = siteOf(card);
    const direction = featureDirection(asked, card);
    if (kind === "ablate") return { kind: "clamp_feature", site, direction, value: 0 };
    return { kind: "steer", site, direction, strength: Number((card.written || 1).toPrecision(3)), unit: "absolute" };
  }

  if (typeof module !== "undefined") module.exports = { featuresAsked, featuresShown, featureDirection, featureChange };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const { setProps, dispatch, state } = microtome;
  const noUpdate = () => root.dash_clientside.no_update;
  const byId = (id) => document.getElementById(id);
  const onScreen = ({ view }) => view.workspace === "residual" && view.section === "features";
  const show = (features) => dispatch({ type: "show-residual", features });

  function project({ session }) {
    if (!onScreen(session)) {
      setProps("sae-asked", { data: null }); // computes nothing, and what was asked last stays drawn
      return;
    }
    const { features } = session.residual;
    if (features.folder) document.body.dataset.sae = "";
    else delete document.body.dataset.sae;
    byId("sae-by").value = features.by;
    if (features.folder && (microtome.propsOf("sae-folder") || {}).value !== features.folder) {
      setProps("sae-folder", { value: features.folder });
    }
    setProps("sae-feature", { value: features.feature });
    setProps("sae-shown", { data: featuresShown(session) });
    setProps("sae-asked", { data: featuresAsked(session) });
  }

  /** What the card on screen is of; null before it is drawn. */
  function card() {
    const gd = microtome.graph("sae-card");
    const meta = gd && microtome.metaOf(gd);
    return meta && meta.feature !== undefined ? meta : null;
  }

  function act(kind) {
    const [asked, of] = [microtome.session().residual.features, card()];
    if (!of || !asked.folder) return;
    if (kind === "keep") dispatch({ type: "add-direction", name: of.name, direction: featureDirection(asked, of) });
    else dispatch({ type: "add-intervention", interventions: [featureChange(kind, asked, of)] });
  }

  const clickedToken = (position, add) => dispatch({ type: "click-position", position, add });

  function clicked({ x, y, over }, add, gd) {
    if (over && y !== null) return clickedToken(y, add);
    const feature = (microtome.metaOf(gd).rows || [])[y];
    return feature === undefined ? undefined : show({ feature });
  }

  Object.assign(microtome.clicks, {
    "sae-features": clicked,
    "sae-card": ({ part, x }, add) => part !== "rows" && x !== null && clickedToken(x, add),
  });
  microtome.projections.push(project);
  microtome.whenOpen(() => {
    byId("sae-by").addEventListener("change", ({ target }) => show({ by: target.value }));
    byId("sae-feature").addEventListener("change", ({ target }) =>
      show({ feature: target.value === "" ? null : Number(target.value) }));
    for (const kind of ["ablate", "steer", "keep"]) byId(`sae-${kind}`).addEventListener("click", () => act(kind));
    project(microtome.current());
  });

  /** Another autoencoder begins with its largest feature; of one that was known, by a link, the feature stays. */
  function saeRead(found) {
    const before = found && microtome.session() ? microtome.session().residual.features : found;
    if (!before || state.same(found, { folder: before.folder, fingerprint: before.fingerprint })) return noUpdate();
    if (found.folder === before.folder) microtome.notify("The autoencoder in this folder is another one than before.");
    show({ ...found, feature: null });
    return noUpdate();
  }

  Object.assign(microtome, { saeHooks: { saeRead } });
})(typeof window === "undefined" ? globalThis : window);
