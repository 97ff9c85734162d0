/* Cutting on the attention matrix: in this mode a drag marks a rectangle of edges and a click one of them, of the selected
 * heads. A line says what the cut would do to the logit difference, as the server computes it for the run on screen with
 * this change (app/trial.py), and one button makes it an intervention. Nothing of this is in the session until then.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, graph, state, edges } = microtome;
  const { headsOf, interventionsOf, headsText, effectOf } = microtome.cutting;

  // ---- what is marked ------------------------------------------------------------------------------------------

  const COLOUR = "#e8590c"; // of no scale: it stands out on probabilities, on differences, light and dark
  const STILL_PX = 4;
  const HINT = "Drag over cells or click them, or their labels; shift adds";
  const DONE = "In the list of interventions; z takes it back";
  const NO_HEAD = "Select a head whose edges to cut";
  const NO_TOKENS = "Select a query and a key: two tokens in the rail or under the matrix";
  const AFTER = "A query sees no key after itself: there is nothing to cut";
  const WAIT = "The new prompt is on its way; wait for its tokens";
  const TOO_MANY = (count) => `${count} edges at once are more than the ${edges.MOST_EDGES} that one cut takes; mark fewer, or ablate`;

  let on = false;
  let marked = [];
  let drag = null; // {gd, from, to, add, x, y}: a drag that goes on
  let instead = null; // what is said in place of the marked edges
  const count = () => microtome.shape().n_positions || 0;

  function dragged() {
    const group = edges.rectangle(drag.from, drag.to, count());
    return drag.add ? edges.union(marked, group) : group;
  }

  const shapes = () => {
    const path = on ? edges.outline(drag && drag.moved ? dragged() : marked) : "";
    return path ? [{ type: "path", name: "cut", xref: "x", yref: "y", path, line: { width: 2.5, color: COLOUR } }] : [];
  };

  function setMarked(next, why = null) {
    const fits = next.length <= edges.MOST_EDGES;
    if (fits) marked = next;
    instead = fits ? why : TOO_MANY(next.length);
    microtome.mark("attention");
    refresh();
  }

  /** Marks or unmarks what was clicked; beyond the diagonal there is nothing. */
  const click = (group) => setMarked(edges.toggled(marked, group), group.length ? null : AFTER);

  // ---- the effect ----------------------------------------------------------------------------------------------

  const PAUSE_MS = 80;
  let asked = null; // what the newest question was, as text
  let answer = null; // of that question: {before, after}, {problem}, or null while it is on its way
  let timer = 0;
  let sent = null;

  const options = () => ({ value: Number(part("value").value), renormalise: part("renormalise").checked });
  const tried = (session) => interventionsOf(marked, options(), session.selection);

  function question() {
    const session = microtome.session();
    if (!on || !marked.length || !headsOf(session.selection).length) return null;
    return JSON.stringify({ experiment: session.experiment, interventions: tried(session) });
  }

  async function fetchAnswer(body, signal) {
    const headers = { "Content-Type": "application/json" };
    const found = await fetch(`${microtome.prefix()}trial`, { method: "POST", headers, body, signal });
    return found.ok ? found.json() : { problem: await found.text() };
  }

  /** Only the answer to the newest question is shown. */
  async function ask(body) {
    sent = new AbortController();
    const found = await fetchAnswer(body, sent.signal).catch(() => ({ problem: "The server does not answer; try again." }));
    if (body !== asked) return;
    answer = found;
    drawLine();
  }

  function refresh() {
    const body = question();
    if (body !== asked) {
      asked = body;
      answer = null;
      clearTimeout(timer);
      if (sent) sent.abort();
      if (body) timer = setTimeout(() => ask(body), PAUSE_MS);
    }
    drawLine();
  }

  // ---- the line ------------------------------------------------------------------------------------------------

  const host = () => document.getElementById("cut");
  const part = (name) => host().querySelector(`[data-cut=${name}]`);

  function made(tag, name, properties = {}, ...inside) {
    const element = Object.assign(document.createElement(tag), properties);
    element.dataset.cut = name;
    element.append(...inside);
    return element;
  }

  const button = (name, text, title) => made("button", name, { type: "button", className: "mt-button", title }, text);

  function build() {
    const value = made("input", "value", { type: "number", min: 0, max: 1, step: 0.1, value: 0, ariaLabel: "Attention set to" });
    const renormalise = made("input", "renormalise", { type: "checkbox" });
    const effect = made("output", "effect");
    effect.setAttribute("aria-live", "polite");
    host().append(
      made("div", "said", {}, made("span", "what"), effect),
      made(
        "div", "controls", {}, made("label", "to", { title: "Attention that the marked edges are set to" }, "to", value),
        made("label", "rows", { title: "Rescale the rest of each row to sum 1" }, renormalise, "renormalise"),
        button("tokens", "+ tokens", "Mark the edges from the last selected token to the other selected ones (x)"),
        made("button", "apply", { type: "button", className: "mt-button mt-primary" }, "Knock out"),
        button("cancel", "×", "Leave without cutting (Esc)"),
      ),
    );
  }

  function said(heads) {
    if (!heads.length) return NO_HEAD;
    return instead || (marked.length ? `${headsText(heads)} · ${edges.edgesText(marked)}` : HINT);
  }

  /** Whether the server has computed what is marked; a button that is disabled for real could not keep the focus. */
  const holds = () => Boolean(answer && !answer.problem);

  function drawEffect() {
    const place = part("effect");
    place.classList.toggle("is-busy", Boolean(asked) && !answer);
    place.classList.toggle("is-wrong", Boolean(answer && answer.problem));
    if (asked && !answer) return place.textContent || place.append("computing …");
    const found = holds() ? effectOf(answer) : null;
    place.title = found ? found.said : "";
    const text = found ? [found.values, Object.assign(document.createElement("b"), { textContent: ` (${found.change})` })] : [];
    return place.replaceChildren(...(answer && answer.problem ? [answer.problem] : text));
  }

  function drawLine() {
    const session = microtome.session();
    if (!host() || !session) return;
    if (!host().children.length) build();
    host().hidden = !on;
    document.body.classList.toggle("is-cutting", on);
    if (!on) return;
    const text = said(headsOf(session.selection));
    Object.assign(part("what"), { textContent: text, title: text });
    const { value } = options();
    Object.assign(part("apply"), {
      textContent: value === 0 ? "Knock out" : `Set to ${value}`, title: "Add it to the interventions",
      ariaDisabled: String(!holds()),
    });
    drawEffect();
  }

  // ---- steps ---------------------------------------------------------------------------------------------------

  const visible = () => document.getElementById("attention-panel").offsetParent;

  /** The line stands in the place of the panel's header: who is in one with the keyboard goes on in the other. */
  function toggle(next = !on) {
    const mode = document.getElementById("cut-mode");
    const inside = host().contains(document.activeElement) || mode === document.activeElement;
    on = next;
    drag = null;
    if (on && !visible()) dispatch({ type: "set-view", workspace: "attention" });
    setMarked([]);
    if (inside) (on ? part("cancel") : mode).focus();
    root.requestAnimationFrame(() => microtome.resizeAll());
  }

  function apply() {
    if (!holds()) return;
    const interventions = tried(microtome.session());
    setMarked([], DONE);
    dispatch({ type: "add-intervention", interventions });
  }

  /** The keyboard's gesture: the selected tokens are the query and its keys. Enter then makes the cut. */
  function markTokens() {
    if (!on) toggle(true);
    const { positions } = microtome.session().selection;
    const group = positions.length > 1 ? edges.betweenTokens(positions) : [];
    setMarked(group.length ? edges.toggled(marked, group) : marked, group.length ? null : NO_TOKENS);
    part("apply").focus({ preventScroll: true });
  }

  const BUTTONS = { apply, tokens: markTokens, cancel: () => toggle(false) };

  // ---- gestures ------------------------------------------------------------------------------------------------

  /** Where the pointer is on the axes, also beyond their ends; what a drag took whole stays whole. */
  function cellAt(gd, { clientX, clientY }, from) {
    const { xaxis, yaxis } = gd._fullLayout;
    const box = gd.getBoundingClientRect();
    return {
      x: from.x === null ? null : Math.round(xaxis.p2d(clientX - box.left - xaxis._offset)),
      y: from.y === null ? null : Math.round(yaxis.p2d(clientY - box.top - yaxis._offset)),
    };
  }

  /** Before everyone else, so that a press in this mode selects nothing. */
  function press(event) {
    const gd = on && event.button === 0 && event.target.closest && event.target.closest("#attention .js-plotly-plot");
    const from = gd && graph("attention") === gd && microtome.hit(gd, event);
    if (!from) return undefined;
    event.preventDefault();
    event.stopPropagation();
    if (document.querySelector("#token-strip[data-stale]")) return setMarked([], WAIT);
    drag = { gd, from, to: from, add: event.shiftKey, x: event.clientX, y: event.clientY, moved: false };
    return undefined;
  }

  let drawing = false;

  function move(event) {
    if (!drag) return;
    drag.to = cellAt(drag.gd, event, drag.from);
    drag.moved = drag.moved || Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > STILL_PX;
    if (!drawing) {
      root.requestAnimationFrame(() => {
        drawing = false;
        microtome.mark("attention");
      });
    }
    drawing = true;
  }

  function release() {
    if (!drag) return;
    const group = drag.moved ? dragged() : edges.rectangle(drag.from, drag.from, count());
    const { moved } = drag;
    drag = null;
    if (moved) setMarked(group, group.length ? null : AFTER);
    else click(group);
  }

  function dropped() {
    drag = null;
    microtome.mark("attention");
  }

  const ELSEWHERE = "input, textarea, [role=dialog], [role=menu], [role=listbox]";

  /** Escape leaves this mode before it clears anything else. */
  function pressed(event) {
    if (!on || event.key !== "Escape") return;
    if (event.target.closest(ELSEWHERE) && !host().contains(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    toggle(false);
  }

  function clicked(event) {
    if (event.target.closest("#cut-mode")) toggle();
    const found = event.target.closest("#cut button[data-cut]");
    if (found) BUTTONS[found.dataset.cut]();
  }

  root.addEventListener("pointerdown", press, true);
  root.addEventListener("pointermove", move, true);
  root.addEventListener("pointerup", release, true);
  root.addEventListener("pointercancel", dropped, true);
  root.addEventListener("keydown", pressed, true);
  document.addEventListener("click", clicked);
  document.addEventListener("input", (event) => event.target.closest("#cut") && refresh());

  /** Positions of another run mean other tokens. */
  function runOf({ model, prompt, base }) {
    return [model, prompt.clean, prompt.corrupted, base];
  }

  microtome.extraShapes.push((panel) => (panel === "attention" ? shapes() : []));
  microtome.projections.push(({ session }, old) => {
    if (!on) return;
    const kept = old && state.same(runOf(old.session.experiment), runOf(session.experiment));
    if (kept) refresh();
    else setMarked([]);
  });
  microtome.cut = { toggle, markTokens };
})(window);
