/* The selection in words: chips of the selection bar, and labels that the other scripts share. */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const { hasHead, sameHead, headLabel } = state;
  const MOST_CHIPS = 40;

  /** Token text as shown everywhere: spaces as ·, newlines as ⏎, tabs as ⇥. */
  const shownToken = (text) => String(text).replaceAll(" ", "·").replaceAll("\n", "⏎").replaceAll("\t", "⇥");

  function wholeLayers(selection, model) {
    if (!model || !model.n_heads) return [];
    const indices = Array.from({ length: model.n_heads }, (_, head) => head);
    const complete = (layer) => indices.every((head) => hasHead(selection.heads, { layer, head }));
    return selection.layers.filter(complete);
  }

  function headChip(head, primary) {
    const remove = { type: "click-head", add: true, ...head };
    return { kind: sameHead(head, primary) ? "primary" : "head", label: headLabel(head), remove };
  }

  function layerChip(layer) {
    return { kind: "layer", label: `layer ${layer}`, remove: { type: "click-layer", layer, add: true } };
  }

  function positionChip(position, tokens) {
    const text = tokens && tokens[position] !== undefined ? ` ${shownToken(tokens[position])}` : "";
    return { kind: "position", label: `${position}${text}`, remove: { type: "click-position", position, add: true } };
  }

  /** selection -> [{kind, label, remove: action | null}]; whole layers as one chip beside the primary head, the surplus as one count. */
  function describe(selection, model, tokens) {
    const whole = wholeLayers(selection, model);
    const alone = (head) => !whole.includes(head.layer) || sameHead(head, selection.primary);
    const chips = [
      ...whole.map(layerChip),
      ...selection.heads.filter(alone).map((head) => headChip(head, selection.primary)),
      ...selection.positions.map((position) => positionChip(position, tokens)),
    ];
    const shown = chips.slice(0, MOST_CHIPS);
    const surplus = chips.length - shown.length;
    if (surplus) shown.push({ kind: "more", label: `${surplus} more`, remove: null });
    if (selection.pinned) shown.push({ kind: "pinned", label: headLabel(selection.pinned), remove: { type: "unpin" } });
    return shown;
  }

  Object.assign(root.microtome, { describe, shownToken });
  if (typeof module !== "undefined") module.exports = { describe, shownToken };
})(typeof window === "undefined" ? globalThis : window);
