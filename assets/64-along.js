/* The bar of *Direction*: one press changes the run along the direction that is looked at (10-runs.js intervene-along). */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, propsOf, write } = microtome;
  const BUTTONS = {
    "along-steer": (number) => ({ kind: "steer", strength: number }),
    "along-clamp": (number) => ({ kind: "clamp", value: number }),
    "along-out": () => ({ kind: "project_out" }),
    "along-swap": () => ({ kind: "swap_along" }),
  };

  function clicked(event) {
    const button = event.target.closest(".mt-along button");
    if (!button || !BUTTONS[button.id]) return;
    const { value } = propsOf("along-strength") || {};
    const change = BUTTONS[button.id](value);
    const lacks = Object.values(change).some((each) => typeof each !== "string" && !Number.isFinite(each));
    if (lacks) microtome.notify("How much? Write a number beside the buttons, such as 4.", true);
    else dispatch({ type: "intervene-along", change });
  }

  function nothingIn(session) {
    const missing = microtome.directions.missingDirection(session);
    return missing === null ? "Make a direction first, in the rail." : `There is no direction named ${missing}: choose one in the rail.`;
  }

  /** `L9,L12.resid_post`: where one press changes the run. */
  function placesText({ selection }, { direction }) {
    const places = microtome.runs.placesOf(selection, direction, microtome.shape().n_layers);
    return `${places.map(({ layer }) => `L${layer}`).join(",")}.${places[0].activation}`;
  }

  function draw(session) {
    const named = microtome.directions.chosenDirection(session);
    const { positions } = session.selection;
    const at = named ? `${placesText(session, named)}${positions.length ? `@${positions.join(",")}` : ""}` : "";
    write("along-of", { textContent: named ? `along ${named.name} @ ${at}` : nothingIn(session) });
    for (const id of Object.keys(BUTTONS)) {
      write(id, { disabled: !named || (id === "along-swap" && session.experiment.prompt.corrupted == null) });
    }
  }

  document.addEventListener("click", clicked);
  microtome.projections.push(({ session }, before) => {
    const old = before && before.session;
    const parts = ["directions", "residual", "selection", "experiment"];
    if (!old || parts.some((part) => old[part] !== session[part])) draw(session);
  });
})(window);
