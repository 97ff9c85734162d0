/* The figure that is put together of panels: app.domain.plates.Plate as JSON. Pure steps. */
(function (root) {
  "use strict";

  const MOST_PANELS = 24; // app.domain.plates.MOST_PANELS
  const isThing = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const oneOf = (...choices) => (value) => choices.includes(value);
  const between = (low, high) => (value) => typeof value === "number" && value >= low && value <= high;
  const orNone = (check) => (value) => value === null || check(value);
  const isWhole = (low, high) => (value) => Number.isInteger(value) && between(low, high)(value);
  const isText = (value) => typeof value === "string";
  const isSwitch = (value) => typeof value === "boolean";
  const isPair = (value) => Array.isArray(value) && value.length === 2 && value.every(isText);

  const PRESETS = [
    "neurips", "icml-column", "icml-page", "iclr", "acl-column", "acl-page", "nature-column", "nature-page", "distill",
    "slides", "poster",
  ];
  const FIELDS = {
    preset: oneOf(...PRESETS), columns: isWhole(1, 6), width_mm: orNone(between(20, 1200)), font_pt: orNone(between(4, 72)),
    face: oneOf(null, "sans", "serif"), theme: oneOf("light", "dark"),
    palette: oneOf("blue-red", "blue-orange", "purple-green"), letters: isSwitch, one_scale: isSwitch, one_bar: isSwitch,
  };
  const PANEL = {
    span: isWhole(1, 6), height_mm: between(15, 800), title: orNone(isText), x_label: orNone(isText),
    y_label: orNone(isText), note: isText, tokens: (value) => Array.isArray(value) && value.every(isPair),
  };
  const BOUNDS = {
    width_mm: "A figure is 20 to 1200 mm wide.", font_pt: "Letters have 4 to 72 pt.", span: "A panel spans 1 to 6 columns.",
    height_mm: "A panel is 15 to 800 mm high.",
  };

  /** Why a number cannot stand in a field; null where it can. */
  const whyNot = (name, value) => ({ ...FIELDS, ...PANEL })[name](value) ? null : BOUNDS[name];

  const FIRST_PANEL = Object.freeze({ span: 1, height_mm: 55, title: null, x_label: null, y_label: null, note: "", tokens: Object.freeze([]) });
  const FIRST_PLATE = Object.freeze({
    preset: "neurips", columns: 2, width_mm: null, font_pt: null, face: null, theme: "light", palette: "blue-red",
    letters: true, one_scale: true, one_bar: true, panels: Object.freeze([]),
  });

  const known = (checks, given) =>
    Object.fromEntries(Object.entries(given || {}).filter(([name, value]) => checks[name] && checks[name](value)));

  const isPanel = (given) => isThing(given) && isThing(given.view) && isThing(given.view.recipe);
  const completePanel = ({ view, ...given }) => ({ view, ...FIRST_PANEL, ...known(PANEL, given) });

  /** Fewer keys than the whole, or wrong ones, are filled in; what is no panel is left out. */
  function completePlate(given) {
    const panels = isThing(given) && Array.isArray(given.panels) ? given.panels.filter(isPanel) : [];
    return { ...FIRST_PLATE, ...known(FIELDS, isThing(given) ? given : {}), panels: panels.slice(0, MOST_PANELS).map(completePanel) };
  }

  const plated = (session, fields) => ({ ...session, plate: completePlate({ ...session.plate, ...fields }) });
  const withPanels = (session, change) => plated(session, { panels: change([...session.plate.panels]) });

  const setPlate = (session, { type, ...fields }) => plated(session, known(FIELDS, fields));
  const addPanel = (session, { panel }) => withPanels(session, (panels) => [...panels, panel]);
  const setPanel = (session, { at, type, ...fields }) =>
    withPanels(session, (panels) => panels.map((panel, index) => (index === at ? { ...panel, ...known(PANEL, fields) } : panel)));
  const removePanel = (session, { at }) => withPanels(session, (panels) => panels.filter((_, index) => index !== at));

  /** One place up (-1) or down (1). */
  function movePanel(session, { at, by }) {
    const to = at + by;
    if (!session.plate.panels[at] || !session.plate.panels[to]) return session;
    return withPanels(session, (panels) => {
      [panels[at], panels[to]] = [panels[to], panels[at]];
      return panels;
    });
  }

  root.microtome = root.microtome || {};
  root.microtome.plates = {
    whyNot,
    PRESETS, FIRST_PLATE, FIRST_PANEL, completePlate,
    PLATING: {
      "set-plate": setPlate, "add-panel": addPanel, "set-panel": setPanel, "move-panel": movePanel, "remove-panel": removePanel,
    },
  };
  if (typeof module !== "undefined") module.exports = root.microtome.plates;
})(typeof window === "undefined" ? globalThis : window);
