/* The history of runs: what this browser had computed, when, how long it took, and whether it was there already. Pure.
 *
 * run    {id, at, name, pinned, experiment: {model, base, prompts}, states, lines}: app.domain.history.PastRun as JSON.
 *        Everything that decides the same numbers is one run: a prompt set is one, whichever of its prompts is on screen.
 * states what the page was set to when it asked: {prompt, interventions, selection, view, sweep, heads, residual,
 *        directions}; a line says by number in which one it was asked.
 * lines  one per analysis, of sweeps one per result: {digest, name, in_parts, seconds, cached, at, count, state};
 *        seconds as the server measured them, null where this browser never saw it computed; cached: the last time.
 *
 * Newest first, pinned ones before all. What is not pinned is bounded in number, and all of it in characters.
 */
(function (root) {
  "use strict";

  const state = typeof require === "undefined" ? root.microtome.state : require("./10-reduce.js");
  const describe = typeof require === "undefined" ? root.microtome : require("./12-describe.js");
  const { labelNames } = typeof require === "undefined" ? root.microtome : require("./12-labels.js");
  const { same } = state;
  const MOST = { runs: 100, lines: 40, characters: 1500000 };
  const PARTS = ["selection", "view", "sweep", "heads", "residual", "directions"];

  // ---- what a run is -------------------------------------------------------------------------------------------

  const changes = (interventions) => interventions.filter(({ on }) => on).map(({ intervention }) => intervention);

  /** All that decides the numbers. */
  const decides = ({ model, base, prompts, prompt, interventions }) =>
    ({ model, base, prompts: prompts.length ? prompts : [prompt], changes: changes(interventions) });

  const stateOf = ({ experiment: { prompt, interventions }, ...session }) =>
    ({ prompt, interventions, ...Object.fromEntries(PARTS.map((part) => [part, session[part]])) });

  const lastLine = ({ lines }) => lines.reduce((newest, line) => (line.at > newest.at ? line : newest));
  const stateAt = (run, line = null) => run.states[(line || lastLine(run)).state];

  /** The experiment of a run, as it was asked for in a state. */
  const experimentOf = (run, { prompt, interventions } = stateAt(run)) => ({ ...run.experiment, prompt, interventions });

  const isOf = (run, experiment) => same(decides(experimentOf(run)), decides(experiment));

  /** The page as it was when a line, or the run's last, was asked. Notes, figure and the library are kept: directions
   * that it needs and the library lacks are added. */
  function sessionOf(run, line, now) {
    const asked = stateAt(run, line);
    const { selection, view, sweep, heads, residual, directions } = asked;
    const names = now.directions.map(({ name }) => name);
    const library = [...now.directions, ...directions.filter(({ name }) => !names.includes(name))];
    return {
      ...now, experiment: experimentOf(run, asked), selection, view, sweep, heads, residual, directions: library, zoom: null,
    };
  }

  // ---- what is noted -------------------------------------------------------------------------------------------

  const isLine = ([digest, name, , inParts]) => (line) => line.name === name && (!inParts || line.digest === digest);

  function withLine(lines, answer, at, asked) {
    const [digest, name, seconds, in_parts] = answer;
    const before = lines.find(isLine(answer)) || { count: 0, seconds: null, digest };
    const known = before.digest === digest ? before.seconds : null;
    const line = {
      digest, name, in_parts, seconds: seconds === null ? known : seconds, cached: seconds === null, at,
      count: before.count + 1, state: asked,
    };
    return [line, ...lines.filter((each) => each !== before)].slice(0, MOST.lines);
  }

  /** Only the states that a line still names. */
  function withoutUnused(run) {
    const used = [...new Set(run.lines.map((line) => line.state))].sort((a, b) => a - b);
    const lines = run.lines.map((line) => ({ ...line, state: used.indexOf(line.state) }));
    return { ...run, lines, states: used.map((index) => run.states[index]) };
  }

  /** Pinned ones first, each newest first. */
  const ordered = (runs) => [...runs].sort((a, b) => b.pinned - a.pinned || b.at - a.at);

  const sizes = new WeakMap();

  function sizeOf(run) {
    if (!sizes.has(run)) sizes.set(run, JSON.stringify(run).length);
    return sizes.get(run);
  }

  /** Within the bounds: the oldest that are not pinned go. */
  function bounded(runs, most = MOST) {
    const kept = ordered(runs);
    const pinned = kept.filter((run) => run.pinned).length;
    const found = kept.slice(0, pinned + most.runs);
    let size = found.reduce((all, run) => all + sizeOf(run), 0);
    while (size > most.characters && found.length > pinned && found.length > 1) size -= sizeOf(found.pop());
    return found;
  }

  /** What the server answered to a page in this session: [[digest, name, seconds or null, in_parts], …]. */
  function noted(runs, session, answers, { at, id }) {
    const found = runs.find((run) => isOf(run, session.experiment));
    const { model, base, prompts } = session.experiment;
    const run = found || { id, at, name: "", pinned: false, experiment: { model, base, prompts }, states: [], lines: [] };
    const asked = stateOf(session);
    const there = run.states.findIndex((each) => same(each, asked));
    const states = there < 0 ? [...run.states, asked] : run.states;
    const index = there < 0 ? states.length - 1 : there;
    const lines = answers.reduce((list, answer) => withLine(list, answer, at, index), run.lines);
    return bounded([withoutUnused({ ...run, at, states, lines }), ...runs.filter((each) => each !== found)]);
  }

  // ---- what a person does with them ----------------------------------------------------------------------------

  const changed = (runs, id, fields) => ordered(runs.map((run) => (run.id === id ? { ...run, ...fields } : run)));
  const removed = (runs, id) => runs.filter((run) => run.id !== id);
  const onlyPinned = (runs) => runs.filter((run) => run.pinned);

  function joined(mine, other) {
    const [newer, older] = mine.at >= other.at ? [mine, other] : [other, mine];
    const shifted = older.lines.map((line) => ({ ...line, state: line.state + newer.states.length }));
    const fresh = shifted.filter((line) => !newer.lines.some(isLine([line.digest, line.name, null, line.in_parts])));
    const lines = [...newer.lines, ...fresh].slice(0, MOST.lines);
    const name = mine.name || other.name;
    return withoutUnused({ ...newer, id: mine.id, name, pinned: mine.pinned || other.pinned, lines, states: [...newer.states, ...older.states] });
  }

  /** Those of a file beside mine; a run that both have is one. */
  function merged(mine, others) {
    return bounded(others.reduce((runs, other) => {
      const alike = runs.find((run) => isOf(run, experimentOf(other)));
      return alike ? runs.map((run) => (run === alike ? joined(run, other) : run)) : [...runs, other];
    }, mine));
  }

  // ---- in words ------------------------------------------------------------------------------------------------

  /** `under 1 ms`, `240 ms`, `3.4 s`, `2 min 5 s`. */
  function duration(seconds) {
    if (seconds < 0.0005) return "under 1 ms";
    if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
    return `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`;
  }

  function changesSaid(asked) {
    const said = changes(asked.interventions).map((each) => describe.describeIntervention(each, asked.directions));
    return said.length > 1 ? `${said[0]} + ${said.length - 1} more` : said[0] || "Baseline";
  }

  /** {title, about, changes}: its name, or what is changed in it; prompt and model. */
  function said(run, now) {
    const asked = stateAt(run);
    const { model, base, prompts } = run.experiment;
    const text = base === "corrupted" && asked.prompt.corrupted !== null ? asked.prompt.corrupted : asked.prompt.clean;
    const named = now && same(model, now.model) ? [] : [model.name + (model.processing === "raw" ? ", raw" : "")];
    const about = [...named, ...(prompts.length > 1 ? [`${prompts.length} prompts`] : []), text].join(" · ");
    const changed = changesSaid(asked);
    return { title: run.name || changed, changes: run.name ? changed : "", about };
  }

  /** `11 analyses · 3.4 s · 5 from cache`. */
  function took({ lines }) {
    const known = lines.filter(({ seconds }) => seconds !== null);
    const cached = lines.filter((line) => line.cached).length;
    const parts = [lines.length === 1 ? lines[0].name : `${lines.length} analyses`];
    if (known.length) parts.push(duration(known.reduce((all, { seconds }) => all + seconds, 0)));
    if (cached) parts.push(cached === lines.length ? "from cache" : `${cached} from cache`);
    return parts.join(" · ");
  }

  /** The hour of today, else the day with it. */
  function clock(at, now = Date.now()) {
    const time = new Date(at);
    const hour = `${String(time.getHours()).padStart(2, "0")}:${String(time.getMinutes()).padStart(2, "0")}`;
    if (time.toDateString() === new Date(now).toDateString()) return hour;
    return `${time.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${hour}`;
  }

  /** What differs between two experiments first: [[name, on screen, kept, differs], …]. */
  function compared(now, then) {
    const answers = ({ answer, incorrect_answer }) => [answer, incorrect_answer].map((side) => side.map(describe.shownToken).join("|")).join(" − ");
    const weights = ({ processing, dtype, prepend_bos, revision }) =>
      [processing === "raw" ? "raw" : "compatibility", dtype, prepend_bos ? "BOS" : "no BOS", revision].filter(Boolean).join(", ");
    const rows = {
      model: ({ model }) => model.name, weights: ({ model }) => weights(model), "clean prompt": ({ prompt }) => prompt.clean,
      "corrupted prompt": ({ prompt }) => prompt.corrupted || "none", answers: ({ prompt }) => answers(prompt),
      "run on": ({ base }) => base, "prompt set": ({ prompts }) => (prompts.length ? [`${prompts.length} prompts`, ...labelNames(prompts)].join(" · ") : "the pair alone"),
      interventions: ({ interventions }) => changes(interventions).map((each) => describe.describeIntervention(each, [])).join("\n") || "none",
    };
    const found = Object.entries(rows).map(([name, of]) => [name, of(now), of(then), of(now) !== of(then)]);
    return [...found.filter((row) => row[3]), ...found.filter((row) => !row[3])];
  }

  // ---- what a browser has kept ---------------------------------------------------------------------------------

  const isRun = (run) => {
    const counted = run.lines.every(({ state: at, name, at: when }) => run.states[at] && typeof name === "string" && Number.isFinite(when));
    return typeof run.id === "string" && typeof run.name === "string" && Number.isFinite(run.at) && run.lines.length > 0 && counted;
  };

  /** Text -> runs: those of them that can be shown and restored; `fault` says why something is no session. */
  function read(text, fault) {
    const sound = (run) => {
      try {
        return isRun(run) && run.states.every((asked) =>
          Array.isArray(asked.directions) && !fault({ ...asked, experiment: experimentOf(run, asked) }));
      } catch {
        return false;
      }
    };
    try {
      const found = JSON.parse(text);
      return Array.isArray(found) ? bounded(found.filter(sound).map((run) => ({ ...run, pinned: run.pinned === true }))) : [];
    } catch {
      return [];
    }
  }

  root.microtome = Object.assign(root.microtome || {}, {
    past: {
      MOST, noted, bounded, changed, removed, onlyPinned, merged, sessionOf, experimentOf, stateAt, isOf, said, took, clock,
      duration, compared, read,
    },
  });
  if (typeof module !== "undefined") module.exports = root.microtome.past;
})(typeof window === "undefined" ? globalThis : window);
