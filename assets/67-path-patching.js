/* The panel of paths into one head: its controls write the session's sweep, and a box on its map selects heads. */
(function (root) {
  "use strict";

  const FIELDS = { "paths-component": "component", "paths-direction": "direction" };

  /** What the controls show of the paths: {control: {property: value}}. */
  function shown(paths) {
    const choices = Object.entries(FIELDS).map(([control, field]) => [control, { value: paths[field] }]);
    return Object.fromEntries([...choices, ["paths-hold", { checked: paths.receiver !== null }]]);
  }

  /** What the controls say and the session does not say yet -> the action, or null. Held is the primary head. */
  function actionFor({ component, direction, hold }, paths, primary) {
    const changed = {};
    if (component && component !== paths.component) changed.component = component;
    if (direction && direction !== paths.direction) changed.direction = direction;
    if (hold === true && paths.receiver === null && primary) changed.receiver = primary;
    if (hold === false && paths.receiver !== null) changed.receiver = null;
    return Object.keys(changed).length ? { type: "set-sweep", paths: changed } : null;
  }

  /** Invisible points of the map -> its heads. */
  const headsIn = (points) => points.map(({ x, y }) => ({ layer: Math.round(y), head: Math.round(x) }));

  if (typeof module !== "undefined") module.exports = { shown, actionFor, headsIn };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;

  function draw() {
    const { paths } = microtome.session().sweep;
    for (const [control, props] of Object.entries(shown(paths))) microtome.setProps(control, props);
  }

  function read() {
    const { sweep: { paths: now }, selection } = microtome.session();
    const valueOf = (control, property = "value") => (microtome.propsOf(control) || {})[property];
    const values = {
      component: valueOf("paths-component"), direction: valueOf("paths-direction"), hold: valueOf("paths-hold", "checked"),
    };
    const action = actionFor(values, now, selection.primary);
    if (action) microtome.dispatch(action);
    draw();
  }

  /** Several may be set in one go (a link): they are read once all of them are. */
  function paths() {
    queueMicrotask(() => microtome.session() && read());
    return root.dash_clientside.no_update;
  }

  function brushed(event) {
    const heads = headsIn((event && event.points) || []);
    if (heads.length) microtome.dispatch({ type: "set-heads", heads, add: microtome.shiftHeld() });
  }

  microtome.bound.push((panel, hear) => panel === "paths" && hear("plotly_selected", brushed));
  microtome.pathsControls = paths;
  microtome.projections.push(({ session }, before) => {
    if (!before || before.session.sweep.paths !== session.sweep.paths) draw();
  });
})(typeof window === "undefined" ? globalThis : window);
