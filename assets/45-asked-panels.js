/* Panels that the page asks for and draws itself (callbacks/asked_panels.py): one request holds figure, state and caption,
 * and what was shown before is kept, so that looking again asks nobody.
 */
(function (root) {
  "use strict";

  /** The last answers, by what was asked: as many as have so many characters together. */
  class Kept {
    constructor(most) {
      Object.assign(this, { most, all: 0, answers: new Map() });
    }

    get(key) {
      const found = this.answers.get(key);
      return found && found.answer;
    }

    set(key, answer, size) {
      this.drop(key);
      this.answers.set(key, { answer, size });
      this.all += size;
      while (this.all > this.most && this.answers.size > 1) this.drop(this.answers.keys().next().value);
    }

    drop(key) {
      const found = this.answers.get(key);
      if (found) this.all -= found.size;
      this.answers.delete(key);
    }
  }

  if (typeof module !== "undefined") module.exports = { Kept };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const FAILED = "The server failed; its log says why.";
  const MOST_KEPT = 2 ** 25;
  const kept = new Kept(MOST_KEPT);
  const panels = {}; // panel -> {asked: session -> what the server is told, draw: content -> nothing}
  const underway = {}; // panel -> {key, stop} while its answer is awaited
  const waiting = new Map(); // panel -> key, asked again when there is news of the model

  const byId = (id) => document.getElementById(id);

  // ---- drawing -------------------------------------------------------------------------------------------------

  /** As the server drew it, in the page's theme, with the marks of now. */
  function drawFigure(panel, figure) {
    const gd = document.querySelector(`#${panel} .js-plotly-plot`);
    if (!gd) return void root.requestAnimationFrame(() => drawFigure(panel, figure)); // Dash has not drawn its place yet
    const session = microtome.session();
    const { data, layout } = microtome.readIn(panel, figure);
    const drawn = { layout, _fullData: data };
    const more = microtome.extraShapes.flatMap((shapesOf) => shapesOf(panel, drawn));
    const marks = [...microtome.shapes.shapesFor(session.selection, panel, layout.meta), ...more];
    const shapes = microtome.isMarked(panel) ? microtome.shapes.withSelection(layout.shapes, marks) : null;
    root.Plotly.react(gd, data.map((trace) => ({ ...trace })), {
      ...layout, ...microtome.roomOf(gd), autosize: true, template: microtome.template() || layout.template, shapes: shapes || layout.shapes,
    });
  }

  function show(panel, { content, state, message, of }) {
    const section = byId(`${panel}-panel`);
    section.className = state;
    section.querySelector(".mt-message").textContent = message;
    if (content === null) return void (byId(`${panel}-of`).textContent = of);
    panels[panel].draw(panel, content);
    byId(`${panel}-of`).textContent = microtome.saidOf(panel) || of;
  }

  function setBusy(panel, on) {
    for (const line of byId(`${panel}-panel`).querySelectorAll(".mt-busy")) line.classList.toggle("is-on", on);
  }

  const next = [];

  /** When the frame is there in which the selection is marked; all of them in one go, which is one more frame and not
   * one for each. */
  function afterFrame(act) {
    if (next.push(act) === 1) root.requestAnimationFrame(() => setTimeout(() => next.splice(0).forEach((each) => each())));
  }

  // ---- asking --------------------------------------------------------------------------------------------------

  async function answerOf(panel, signal) {
    const { experiment, selection, view, directions, residual } = microtome.session();
    const { number } = microtome.numbers();
    const asked = panels[panel].asked(microtome.session());
    const response = await root.fetch(`${microtome.prefix()}panel/${panel}`, {
      method: "POST", signal, headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ experiment: { ...experiment, number }, selection, view, directions, residual, asked }),
    });
    if (response.status === 204) return null;
    const text = await response.text();
    if (response.ok) return { ...JSON.parse(text), size: text.length };
    const message = response.status < 500 ? text : FAILED;
    return { content: null, state: "mt-panel is-error", message, of: "" };
  }

  function stop(panel) {
    if (underway[panel]) underway[panel].abort();
    delete underway[panel];
    setBusy(panel, false);
  }

  async function ask(panel, key) {
    const asking = new AbortController();
    underway[panel] = asking;
    setBusy(panel, true);
    let answer = null;
    try {
      answer = await answerOf(panel, asking.signal);
    } catch (error) {
      if (error.name !== "AbortError") waiting.set(panel, key); // the banner says that the server is away
    }
    if (underway[panel] !== asking) return; // something else is asked by now
    stop(panel);
    if (answer === null) return void waiting.set(panel, key);
    if (answer.state.includes("is-ready")) kept.set(key, answer, answer.size);
    show(panel, answer);
  }

  /** What a panel shows has changed; null: it is not on screen, and what it showed stays. */
  function tell(panel, wanted) {
    stop(panel);
    waiting.delete(panel);
    if (wanted === null) return;
    const key = JSON.stringify([panel, wanted]);
    const known = kept.get(key);
    if (!known) return void ask(panel, key);
    const turn = (underway[panel] = new AbortController());
    afterFrame(() => { // the selection is marked first
      if (underway[panel] !== turn) return;
      delete underway[panel];
      show(panel, known);
    });
  }

  /** `of` gives whatever decides what the panel shows, null while it is not on screen. */
  microtome.askPanel = (panel, of, { asked = () => null, draw = drawFigure } = {}) => {
    panels[panel] = { asked, draw };
    const decides = (session) => {
      const found = of(session);
      return found === null ? null : [found, session.view.show, microtome.missing(panel), microtome.numbers().number];
    };
    microtome.asking.push({ id: panel, of: decides, tell: (wanted) => tell(panel, wanted) });
  };

  /** The model is there, or has failed. */
  microtome.askWaiting = () => {
    for (const [panel, key] of [...waiting]) {
      waiting.delete(panel);
      ask(panel, key);
    }
  };
})(typeof window === "undefined" ? globalThis : window);
