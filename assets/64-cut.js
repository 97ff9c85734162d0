/* Knocking out edges on the attention matrix: in the mode Cut a drag marks a rectangle of edges and a click one of them, of the selected
 * heads. A line says what that would do to the logit difference, as the server computes it for the run on screen with
 * this change (app/trial.py), and one button makes it an intervention. Nothing of this is in the session until then.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, graph, state, edges } = microtome;
  const { headsOf, interventionsOf, headsText, effectOf, tooMany, refusalOf } = microtome.cutting;

  // ---- what is marked ------------------------------------------------------------------------------------------

  const COLOUR = "#e8590c"; // of no scale: it stands out on probabilities, on differences, light and dark
  const STILL_PX = 4;
  const HINT = "Drag over cells or click them, or their labels; shift adds";
  const DONE = "In the list of interventions; z takes it back";
  const NO_TOKENS = "Select a query and a key: two tokens in the rail";
  const AFTER = "A query sees no key after itself: there is no edge to knock out";
  const WAIT = "The new prompt is on its way; wait for its tokens";

  let on = false;
  let marked = [];
  let path = ""; // its outline
  let drag = null; // {gd, from, to, add, x, y}: a drag that goes on
  let instead = null; // what is said in place of the marked edges
  const count = () => microtome.shape().n_positions || 0;

  const between = (what, { from, to, moved }) => edges[what](from, moved ? to : from, count());

  /** What is marked, and what a drag would mark, from its corners alone: of a long matrix that is millions of edges. */
  function outlines() {
    if (!drag || !drag.moved) return path;
    return (drag.add ? path : "") + between("outlineOf", drag);
  }

  function shapes() {
    const drawn = on ? outlines() : "";
    return drawn ? [{ type: "path", name: "cut", xref: "x", yref: "y", path: drawn, line: { width: 2.5, color: COLOUR } }] : [];
  }

  function setMarked(next, why = null) {
    if (next !== marked) path = edges.outline(next);
    marked = next;
    instead = why;
    microtome.mark("attention");
    refresh();
  }

  /** What cannot be marked is said, and what was marked stays; too many edges are not even made. */
  function tryMark(size, make) {
    const refused = (many) => tooMany(many, headsOf(microtome.session().selection));
    const why = size ? refused(size) : AFTER;
    const next = why ? marked : make();
    const more = why || refused(next.length);
    setMarked(more ? marked : next, more);
  }

  // ---- the effect ----------------------------------------------------------------------------------------------

  const PAUSE_MS = 80;
  const headers = { "Content-Type": "application/json" };
  const send = (body) => fetch(`${microtome.prefix()}trial`, { method: "POST", headers, body });
  const trial = microtome.newestOf(send, () => drawLine(), PAUSE_MS);

  const options = () => ({ value: part("value").valueAsNumber, renormalise: part("renormalise").checked });
  const tried = (session) => interventionsOf(marked, options(), session.selection);
  const refusal = (session) => refusalOf(marked.length, options(), headsOf(session.selection));

  function question() {
    const session = microtome.session();
    if (!on || !marked.length || refusal(session)) return null;
    return JSON.stringify({ experiment: session.experiment, interventions: tried(session) });
  }

  const refresh = () => {
    build();
    trial.ask(question());
  };

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
    if (!host() || host().children.length) return;
    const value = made("input", "value", { type: "number", min: 0, max: 1, step: 0.1, value: 0, ariaLabel: "Attention set to" });
    const renormalise = made("input", "renormalise", { type: "checkbox" });
    const effect = made("output", "effect");
    effect.setAttribute("aria-live", "polite");
    host().append(
      made("div", "said", {}, made("span", "what"), effect),
      made(
        "div", "controls", {}, made("label", "to", { title: "Attention that the marked edges are set to" }, "attention to", value),
        made("label", "rows", { title: "Rescale the rest of each row to sum 1" }, renormalise, "renormalise"),
        button("tokens", "from selected tokens", "Mark the edges from the last selected token to the other selected ones (x)"),
        made("button", "apply", { type: "button", className: "mt-button mt-primary" }, "Knock out"),
        button("cancel", "×", "Leave without knocking out (Esc)"),
      ),
    );
  }

  function said(session) {
    const named = headsText(headsOf(session.selection));
    return instead || refusal(session) || (marked.length ? `${named} · ${edges.edgesText(marked)}` : HINT);
  }

  /** Whether the server has computed what is marked; a button that is disabled for real could not keep the focus. */
  const holds = () => Boolean(trial.now().answer && !trial.now().answer.problem);

  /** Nothing of an answer before: it would stand beside edges that it has nothing to do with. */
  function drawEffect({ asked, answer }) {
    const place = part("effect");
    const [problem, found] = [answer && answer.problem, holds() ? effectOf(answer) : null];
    place.classList.toggle("is-busy", asked !== null && !answer);
    place.classList.toggle("is-wrong", Boolean(problem));
    place.title = found ? found.said : "";
    const change = (text) => Object.assign(document.createElement("b"), { textContent: ` (${text})` });
    const text = found ? [found.values, ...(found.change ? [change(found.change)] : [])] : [];
    place.replaceChildren(...(asked !== null && !answer ? ["computing …"] : problem ? [problem] : text));
  }

  const APPLY = "Add it to the interventions";

  function drawButton({ answer }) {
    const again = Boolean(answer && answer.again);
    const { value } = options();
    Object.assign(part("apply"), {
      textContent: again ? "Try again" : value > 0 ? `Set to ${value}` : "Knock out", title: again ? "Ask the server again" : APPLY,
      ariaDisabled: String(!again && !holds()),
    });
  }

  function drawLine() {
    const session = microtome.session();
    if (!host() || !session) return;
    host().hidden = !on;
    document.body.classList.toggle("is-cutting", on);
    document.getElementById("cut-mode").ariaPressed = String(on);
    if (!on) return;
    const text = said(session);
    Object.assign(part("what"), { textContent: text, title: text });
    drawButton(trial.now());
    drawEffect(trial.now());
  }

  // ---- steps ---------------------------------------------------------------------------------------------------

  /** Only there the matrix has room for its line; the mode ends where the matrix is left. */
  const hasRoom = (session) => session.view.workspace === "attention";

  /** Who leaves from the line with the keyboard goes on at the button of the mode. */
  function toggle(next = !on) {
    const inside = host().contains(document.activeElement);
    on = next;
    drag = null;
    if (on && !hasRoom(microtome.session())) dispatch({ type: "set-view", workspace: "attention" });
    setMarked([]);
    if (inside && !on) document.getElementById("cut-mode").focus();
  }

  function apply() {
    if (holds()) knockOut();
    else trial.again();
  }

  function knockOut() {
    const interventions = tried(microtome.session());
    setMarked([], DONE);
    dispatch({ type: "add-intervention", interventions });
  }

  /** The keyboard's gesture: the selected tokens are the query and its keys. Enter then knocks them out. */
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
    const gesture = drag;
    drag = null;
    const how = gesture.moved ? (gesture.add ? edges.union : (_, made) => made) : edges.toggled;
    tryMark(between("countOf", gesture), () => how(marked, between("rectangle", gesture)));
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
    if (!hasRoom(session)) return toggle(false);
    const kept = old && state.same(runOf(old.session.experiment), runOf(session.experiment));
    return kept ? refresh() : setMarked([]);
  });
  microtome.cut = { toggle, markTokens };
})(window);
