/* The dialog of a new direction: shows the fields of its kind, and takes what the server has made into the library. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, setProps, propsOf, shownToken } = microtome;
  const { TOLD, directionFields, prefilled } = microtome.directionForm;
  const NO_OTHER = { value: "", label: "no other: a random direction" };
  const TOKENS = ["tokens", "minus_tokens"];
  let kind = "tokens"; // the kind made last
  let refused = null; // the kind that is on screen, of which a refusal speaks

  function fill(fields) {
    for (const [name, value] of Object.entries(fields)) {
      const data = TOKENS.includes(name) && value.map((token) => ({ value: token, label: shownToken(token) }));
      setProps(`direction-form-${name}`, data ? { data, value } : { value });
    }
  }

  const real = ({ direction }) => direction.kind !== "placebo";

  /** Begins with what is selected, and with the kind made last. */
  function openDirection(asked = null) {
    const session = microtome.session();
    const others = session.directions.filter(real).map(({ name }) => ({ value: name, label: `placebo of ${name}` }));
    setProps("direction-form-of", { data: [NO_OTHER, ...others] });
    fill(prefilled(session, microtome.shape(), asked || kind));
    setProps("direction-refusal", { children: null });
    setProps("direction-form", { opened: true });
    showFields();
  }

  function showFields() {
    const [now, groups] = ["kind", "groups"].map((name) => (propsOf(`direction-form-${name}`) || {}).value);
    microtome.write("direction-told", { textContent: TOLD[now] || "" });
    if (now !== refused) setProps("direction-refusal", { children: null }); // what was said of another kind
    refused = now;
    const shown = now ? directionFields({ kind: now, groups }) : [];
    for (const field of document.querySelectorAll("#direction-body [data-field]")) {
      field.hidden = !shown.includes(field.dataset.field);
    }
    for (const row of document.querySelectorAll("#direction-body .mt-form-row")) {
      const fields = [...row.querySelectorAll("[data-field]")];
      row.hidden = fields.length > 0 && fields.every((field) => field.hidden);
    }
  }

  const noUpdate = () => root.dash_clientside.no_update;

  function made(read) {
    if (!read) return noUpdate();
    kind = (propsOf("direction-form-kind") || { value: kind }).value;
    dispatch({ type: "add-directions", directions: read.directions });
    setProps("direction-form", { opened: false });
    return noUpdate();
  }

  function fields() {
    queueMicrotask(showFields); // several may be filled in one go
    return noUpdate();
  }

  microtome.directionHooks = { made, fields };
  microtome.openDirection = openDirection;
})(window);
