/* The keyboard: one listener, silent while somebody types or a menu or dialog is open. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, setProps } = microtome;
  const TYPING = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable=true], .ag-root";
  const OPEN_LAYER = "[role=dialog], [role=menu], [role=listbox]";
  let pointedPanel = null;

  const isVisible = (element) => element.getClientRects().length > 0;
  const layerOpen = () => [...document.querySelectorAll(OPEN_LAYER)].some(isVisible);
  function showKeys() {
    microtome.tip.hide(); // it would lie over the dialog
    setProps("keys-help", { opened: true });
  }
  const focusedPanel = () => document.activeElement && document.activeElement.closest(".mt-panel");

  /** Arrows move the primary head; with tokens selected and no head, or before a map of layers and tokens, the place. */
  function arrow(dx, dy) {
    const { selection: { primary, positions }, view, sweep } = microtome.session();
    const placed = view.workspace === "patch" && microtome.sweep.isPlaces(sweep.cells);
    const onPlaces = positions.length > 0 && (!primary || placed);
    dispatch({ type: onPlaces ? "move-place" : "move", dx, dy });
  }

  function escape() {
    if (microtome.maximised()) microtome.maximise(null);
    else dispatch({ type: "clear" });
  }

  function goToPrompt() {
    const prompt = document.querySelector("textarea#clean-prompt, #clean-prompt textarea");
    if (prompt) prompt.focus();
  }

  const workspace = (name) => () => dispatch({ type: "set-view", workspace: name });

  const KEYS = {
    ArrowUp: () => arrow(0, -1),
    ArrowDown: () => arrow(0, 1),
    ArrowLeft: () => arrow(-1, 0),
    ArrowRight: () => arrow(1, 0),
    1: workspace("look"),
    2: workspace("attention"),
    3: workspace("residual"),
    4: workspace("patch"),
    5: workspace("figure"),
    e: () => microtome.openForm(),
    o: () => microtome.openFile(),
    d: () => microtome.openDirection(),
    a: () => dispatch({ type: "intervene", kind: "ablate", method: microtome.ablateMethod() }),
    c: () => microtome.cut.toggle(),
    x: () => microtome.cut.markTokens(),
    r: () => microtome.attention.writeZoom(),
    p: () => dispatch({ type: "pin" }),
    z: () => dispatch({ type: "undo" }),
    y: () => dispatch({ type: "redo" }),
    h: () => microtome.past.turn(),
    f: () => microtome.maximise(microtome.maximised() || focusedPanel() || pointedPanel),
    "/": goToPrompt,
    "?": showKeys,
    Escape: escape,
  };
  const WITH_CONTROL = {
    z: (event) => dispatch({ type: event.shiftKey ? "redo" : "undo" }),
    y: () => dispatch({ type: "redo" }),
  };

  const inRail = (element) => element.closest("#rail");

  function run() {
    const button = document.getElementById("run");
    document.activeElement.blur(); // an input with a debounce hands over what was typed when it loses the focus
    root.setTimeout(() => button && button.click(), 0);
  }

  function pressed(event) {
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key === "Enter" && inRail(event.target)) return run();
    if (event.altKey || event.defaultPrevented || event.target.closest(TYPING) || layerOpen()) return undefined;
    if (event.target.matches("[type=radio]") && event.key.startsWith("Arrow")) return undefined;
    const act = control ? WITH_CONTROL[event.key.toLowerCase()] : KEYS[event.key];
    if (!act) return undefined;
    event.preventDefault();
    return act(event);
  }

  document.addEventListener("keydown", pressed);
  document.addEventListener("pointerover", (event) => {
    pointedPanel = event.target.closest(".mt-panel");
  });
  Object.assign(microtome, { showKeys });
})(window);
