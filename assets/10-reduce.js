/* The one writer of the page's state: reduce(state, action, model) -> state, pure and idempotent.
 *
 * state  {session, past, future}; session is app.domain.session.Session as JSON. past and future hold what undo covers:
 *        experiment, selection, sweep, heads, notes, directions, residual, plate and view.show (never the workspace,
 *        nor what is zoomed into).
 * model  {n_layers, n_heads, n_key_value_heads, n_positions}, any of them null while unknown; selections are clamped
 *        to it.
 * An action that changes nothing returns the very same object, so projections of the state cannot loop.
 */
(function (root) {
  "use strict";

  const HISTORY_LIMIT = 100;
  const WORKSPACES = ["look", "attention", "residual", "patch", "figure"];
  const SHOWS = ["baseline", "intervened", "difference"];
  const EMPTY_SELECTION = Object.freeze({
    heads: [], primary: null, pinned: null, positions: [], layers: [], prompt: 0, prompts: [], neuron: null,
  });
  const FIRST_GENERATION = Object.freeze({ max_new_tokens: 20, temperature: 0, seed: 0 });
  const FIRST_ATTENTION = Object.freeze({ of: "primary", minus: null, by: null });
  const ATTENTION_CHOICES = {
    of: ["primary", "mean", "max", "each"], minus: [null, "corrupted", "pinned"],
    by: [null, "value_norm", "output_norm", "attribution"],
  };
  const FIRST_VIEW = Object.freeze({
    workspace: "look", section: "lens", show: "baseline", generation: FIRST_GENERATION, attention: FIRST_ATTENTION,
  });

  const isThing = (value) => typeof value === "object" && value !== null;

  /** Equal values, whatever the order of their keys. */
  function same(a, b) {
    if (a === b) return true;
    if (!isThing(a) || !isThing(b)) return Object.is(a, b);
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
  }
  const isIndex = (value, count) => Number.isInteger(value) && value >= 0 && (count == null || value < count);
  const sameHead = (a, b) => !!a && !!b && a.layer === b.layer && a.head === b.head;
  const headLabel = (head) => `L${head.layer}H${head.head}`;
  const hasHead = (heads, head) => heads.some((other) => sameHead(other, head));
  const last = (list) => (list.length ? list[list.length - 1] : null);
  const range = (count) => Array.from({ length: count || 0 }, (_, index) => index);
  const clampTo = (value, count) => Math.max(0, count == null ? value : Math.min(count - 1, value));
  const anyOn = (experiment) => experiment.interventions.some((item) => item.on);

  function existingHeads(heads, model) {
    const found = [];
    for (const { layer, head } of heads || []) {
      const exists = isIndex(layer, model.n_layers) && isIndex(head, model.n_heads);
      if (exists && !hasHead(found, { layer, head })) found.push({ layer, head });
    }
    return found;
  }

  const existingIndices = (values, count) => [...new Set(values || [])].filter((value) => isIndex(value, count));

  /** The selection without what this model or prompt does not have. */
  function clampSelection(selection, model) {
    const heads = existingHeads(selection.heads, model);
    const primary = selection.primary && hasHead(heads, selection.primary) ? selection.primary : last(heads);
    return {
      heads,
      primary,
      pinned: existingHeads(selection.pinned ? [selection.pinned] : [], model)[0] || null,
      positions: existingIndices(selection.positions, model.n_positions),
      layers: existingIndices(selection.layers, model.n_layers),
      prompt: selection.prompt || 0,
      prompts: existingIndices(selection.prompts, null),
      neuron: isIndex(selection.neuron) ? selection.neuron : null,
    };
  }

  // ---- selection -----------------------------------------------------------------------------------------------

  /** Toggle the group when adding, else replace: returns heads in the order in which they were selected. */
  function combine(current, group, add) {
    if (!add) return [...current.filter((head) => hasHead(group, head)), ...group.filter((h) => !hasHead(current, h))];
    const fresh = group.filter((head) => !hasHead(current, head));
    return fresh.length ? [...current, ...fresh] : current.filter((head) => !hasHead(group, head));
  }

  function withHeads(selection, heads, primary, layers) {
    const kept = primary && hasHead(heads, primary) ? primary : last(heads);
    return { ...selection, heads, primary: kept, layers };
  }

  function selectGroup(selection, group, add, layers) {
    if (!group.length) return selection;
    const heads = combine(selection.heads, group, add);
    const inside = group.filter((head) => hasHead(heads, head));
    const primary = hasHead(inside, selection.primary) ? selection.primary : inside[0] || selection.primary;
    return withHeads(selection, heads, primary, layers);
  }

  function clickHead(selection, action, model) {
    const group = existingHeads([action], model);
    if (!group.length) return selection;
    const layers = action.add ? selection.layers : [];
    const next = selectGroup(selection, group, action.add, layers);
    if (hasHead(next.heads, group[0])) return { ...next, primary: group[0] };
    return { ...next, layers: next.layers.filter((layer) => layer !== action.layer) }; // no longer all of its heads
  }

  function clickLayer(selection, action, model) {
    if (!isIndex(action.layer, model.n_layers) || !model.n_heads) return selection;
    const group = range(model.n_heads).map((head) => ({ layer: action.layer, head }));
    const whole = action.add && group.every((head) => hasHead(selection.heads, head));
    const others = action.add ? selection.layers.filter((layer) => layer !== action.layer) : [];
    return selectGroup(selection, group, action.add, whole ? others : [...others, action.layer]);
  }

  function clickHeadIndex(selection, action, model) {
    if (!isIndex(action.head, model.n_heads) || !model.n_layers) return selection;
    const group = range(model.n_layers).map((layer) => ({ layer, head: action.head }));
    return selectGroup(selection, group, action.add, action.add ? selection.layers : []);
  }

  function setHeads(selection, action, model) {
    const given = existingHeads(action.heads, model);
    const union = existingHeads([...selection.heads, ...given], model);
    const heads = action.add ? union : combine(selection.heads, given, false);
    const layers = existingIndices(action.layers || (action.add ? selection.layers : []), model.n_layers);
    const kept = hasHead(given, selection.primary) ? selection.primary : given[0] || selection.primary;
    const asked = action.primary && hasHead(heads, action.primary);
    return withHeads(selection, heads, asked ? action.primary : kept, layers);
  }

  function clickPosition(selection, action, model) {
    const { position, add } = action;
    if (!isIndex(position, model.n_positions)) return selection;
    if (!add) return { ...selection, positions: [position] };
    const others = selection.positions.filter((other) => other !== position);
    const had = others.length < selection.positions.length;
    return { ...selection, positions: had ? others : [...others, position] };
  }

  /** The list with these at its end, those that are given; of a place, the last ones are the cell. */
  function withLast(list, given, add) {
    const values = given.filter((value) => value !== undefined);
    if (!values.length) return list;
    return [...(add ? list.filter((value) => !values.includes(value)) : []), ...new Set(values)];
  }

  /** A cell of a sweep's map: any of layer, head or neuron of that layer, heads that share keys, position (of the
   * query) and source (of the key). Heads that it does not name stay selected, they are of another kind. */
  function clickPlace(selection, { layer, head, heads, neuron, position, source, add }, model) {
    const counts = [[layer, model.n_layers], [head, model.n_heads], [neuron, null], [position, model.n_positions],
      [source, model.n_positions]];
    if (counts.some(([value, count]) => value !== undefined && !isIndex(value, count))) return selection;
    const group = head === undefined ? heads : [{ layer, head }];
    const layers = group ? selection.layers : withLast(selection.layers, [layer], add);
    const positions = withLast(selection.positions, [source, position], add);
    const placed = { ...selection, layers, positions, neuron: neuron === undefined ? selection.neuron : neuron };
    return group ? setHeads(placed, { heads: group, primary: group[0], add }, model) : placed;
  }

  /** A layer that is no longer selected; its heads go with it where it was selected as all of its heads. */
  function dropLayer(selection, { layer }, model) {
    const layers = selection.layers.filter((other) => other !== layer);
    const group = range(model.n_heads).map((head) => ({ layer, head }));
    const whole = group.length && group.every((head) => hasHead(selection.heads, head));
    const heads = whole ? selection.heads.filter((head) => head.layer !== layer) : selection.heads;
    return withHeads(selection, heads, selection.primary, layers);
  }

  function movePrimary(selection, action, model) {
    const from = selection.primary;
    const head = {
      layer: from ? clampTo(from.layer + (action.dy || 0), model.n_layers) : 0,
      head: from ? clampTo(from.head + (action.dx || 0), model.n_heads) : 0,
    };
    return withHeads(selection, [head], head, []);
  }

  /** From the last token and layer, which are a cell of a map of layers and tokens. */
  function movePlace(selection, { dx = 0, dy = 0 }, model) {
    const layer = dy && (selection.layers.length ? clampTo(last(selection.layers) + dy, model.n_layers) : 0);
    const layers = dy ? [layer] : selection.layers;
    return { ...selection, layers, positions: [clampTo((last(selection.positions) || 0) + dx, model.n_positions)] };
  }

  function pinPrimary(selection) {
    const pinned = sameHead(selection.primary, selection.pinned) ? null : selection.primary;
    return { ...selection, pinned };
  }

  /** What is selected goes first; once nothing is, the pinned reference goes too. */
  function clearSelection(selection) {
    const { heads, positions, layers, prompts } = selection;
    const selected = [heads, positions, layers, prompts].some((list) => list.length > 0);
    return { ...EMPTY_SELECTION, pinned: selected ? selection.pinned : null, prompt: selection.prompt };
  }

  /** What was lassoed on a map of activations: prompts of the set, and tokens of the one on screen. */
  function setPlaces(selection, { prompts = [], positions = [] }, model) {
    const chosen = existingIndices(prompts, null);
    return { ...selection, prompts: chosen, positions: existingIndices(positions, model.n_positions) };
  }

  const SELECTING = {
    "click-head": clickHead,
    "set-heads": setHeads,
    "click-layer": clickLayer,
    "click-head-index": clickHeadIndex,
    "click-position": clickPosition,
    "click-place": clickPlace,
    "drop-layer": dropLayer,
    "set-places": setPlaces,
    "drop-prompts": (selection) => ({ ...selection, prompts: [] }),
    move: movePrimary,
    "move-place": movePlace,
    pin: pinPrimary,
    unpin: (selection) => ({ ...selection, pinned: null }),
    "drop-neuron": (selection) => ({ ...selection, neuron: null }),
    clear: clearSelection,
  };

  /** The neuron is one of the last layer selected: with another layer it goes, unless it was named with it. */
  function select(session, action, model) {
    const before = session.selection;
    const next = SELECTING[action.type](before, action, model);
    const stale = action.neuron === undefined && last(next.layers) !== last(before.layers);
    return { ...session, selection: stale ? { ...next, neuron: null } : next };
  }

  const counted = (count, name) => (count ? `${count} ${name}${count > 1 ? "s" : ""}` : "");

  /** What a step has dropped of interventions and selection: `2 interventions and 1 selected head`, or nothing. */
  function lostWith(before, after) {
    const lost = (count) => count(before) - count(after);
    return [
      counted(lost(({ experiment }) => experiment.interventions.length), "intervention"),
      counted(lost(({ selection }) => selection.heads.length), "selected head"),
      counted(lost(({ selection }) => selection.positions.length), "selected token"),
      counted(lost(({ notes }) => (notes || []).length), "note"),
      counted(lost(({ directions }) => (directions || []).length), "direction"),
    ].filter(Boolean).join(" and ");
  }

  /** What sweeps are of: the set, whichever of its prompts is on screen, or the one prompt. */
  const swept = ({ model, base, prompts, prompt, interventions }) =>
    [model, base, prompts.length ? prompts : prompt, interventions];

  root.microtome = Object.assign(root.microtome || {}, {
    state: {
      HISTORY_LIMIT, WORKSPACES, SHOWS, EMPTY_SELECTION, FIRST_GENERATION, FIRST_VIEW, FIRST_ATTENTION,
      ATTENTION_CHOICES,
      same, isIndex, sameHead, hasHead, headLabel, existingIndices, anyOn, clampSelection, select, lostWith, SELECTING,
      swept,
    },
  });
  if (typeof module !== "undefined") module.exports = root.microtome.state;
})(typeof window === "undefined" ? globalThis : window);
