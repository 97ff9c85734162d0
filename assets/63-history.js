/* The other side of the rail: runs of this browser, kept in it, drawn from 13-history.js. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { past, dispatch, notify, write, setProps } = microtome;
  const PAUSE_MS = 600;
  const EMPTY = "Nothing was computed yet. Every run appears here with what it took, and a click brings it back.";
  const NO_ROOM = "This browser has no room for the history: it lasts until this page is closed.";

  const key = () => `microtome-history ${microtome.prefix()}`; // two servers may share an origin
  const whenIdle = (act) => (root.requestIdleCallback ? root.requestIdleCallback(act, { timeout: 2000 }) : act()); // the hand first
  const byId = (id) => document.getElementById(id);

  // ---- what is kept --------------------------------------------------------------------------------------------

  let runs = null; // read when it is first needed, and again when another tab has written
  let said = false; // that there is no room
  let waiting = []; // answers that were heard since it was last written: [session, answers]
  let timer = 0;

  function all() {
    if (runs === null) runs = past.read(microtome.remembered.get(key()) || "[]", microtome.link.fault);
    return runs;
  }

  function keep(next) {
    runs = next;
    if (!microtome.remembered.set(key(), JSON.stringify(next)) && !said) {
      notify(NO_ROOM, true);
      said = true;
    }
    draw();
  }

  function flush() {
    clearTimeout(timer);
    timer = 0;
    if (!waiting.length) return;
    const id = () => `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
    const next = waiting.reduce((list, [session, answers, at]) => past.noted(list, session, answers, { at, id: id() }), all());
    waiting = [];
    keep(next);
  }

  microtome.heard.push((session, answers) => {
    waiting.push([session, answers, Date.now()]);
    if (!timer) timer = setTimeout(() => whenIdle(flush), PAUSE_MS);
  });
  root.addEventListener("pagehide", flush);
  root.addEventListener("storage", (event) => {
    if (event.key !== key()) return;
    runs = null;
    draw();
  });

  // ---- drawing -------------------------------------------------------------------------------------------------

  function element(tag, className, text = null, attributes = {}) {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== null) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  const button = (className, text, label, more = {}) =>
    element("button", className, text, { type: "button", "aria-label": label, title: label, ...more });

  const isShown = () => document.body.dataset.rail === "history";
  const opened = new Set(); // runs whose analyses are listed
  let renaming = null; // the run whose name is typed

  function lineOf(line, index) {
    const state = line.seconds === null ? "" : past.duration(line.seconds);
    const marked = line.cached && state ? "cache" : "";
    const times = line.count > 1 ? `, asked for ${line.count} times` : "";
    const how = line.cached ? "the last time from the cache" : "computed";
    const label = `${line.name}${state && `: ${state}`}, ${how}, at ${past.clock(line.at)}${times}. Restore what asked for it.`;
    const row = button("mt-past-line", null, label, { "data-line": index });
    row.append(
      element("span", "mt-past-name", line.name), element("span", "mt-past-cached", marked),
      element("span", "mt-past-seconds", state || "cache"),
    );
    return row;
  }

  function linesOf(run) {
    const details = element("details", "mt-past-lines");
    details.open = opened.has(run.id);
    const fill = () => details.append(...[...run.lines].sort((a, b) => b.at - a.at).map((line) => lineOf(line, run.lines.indexOf(line))));
    details.append(element("summary", "", past.took(run)));
    if (details.open) fill();
    details.addEventListener("toggle", () => {
      if (details.open === opened.has(run.id)) return;
      if (!details.open) return void opened.delete(run.id);
      opened.add(run.id);
      if (details.children.length === 1) fill(); // not before: a hundred runs have a thousand lines
    });
    return details;
  }

  function headOf(run, { title, changes, about }) {
    if (renaming === run.id) {
      return element("input", "mt-rename", null, { value: run.name, placeholder: title, maxlength: 80, "aria-label": "Name of the run" });
    }
    const open = button("mt-past-open", null, `Restore ${title}: ${about}`);
    open.append(element("span", "mt-past-title", title), element("span", "mt-past-about", [changes, about].filter(Boolean).join(" · ")));
    return open;
  }

  const actions = (run, { title }) => [
    button("mt-row-action mt-past-pin", null, `${run.pinned ? "Unpin" : "Pin"} ${title}`, { "aria-pressed": String(run.pinned) }),
    button("mt-row-action mt-past-compare", "⇄", `Compare ${title} with what is on screen`),
    button("mt-row-action mt-edit", "✎", `Rename ${title}`),
    button("mt-row-action mt-remove", "×", `Forget ${title}`),
  ];

  function rowOf(run) {
    const { experiment } = microtome.session();
    const words = past.said(run, experiment);
    const row = element("div", "mt-past", null, { "data-run": run.id, role: "listitem" });
    row.classList.toggle("is-current", past.isOf(run, experiment));
    row.classList.toggle("is-pinned", run.pinned);
    const tools = element("div", "mt-past-tools");
    tools.append(...actions(run, words));
    tools.querySelector(".mt-past-pin").append(element("span", "mt-icon mt-icon-pin"));
    const clock = element("time", "mt-past-clock", past.clock(run.at), { datetime: new Date(run.at).toISOString() });
    const side = element("div", "mt-past-side");
    side.append(clock, tools);
    row.append(headOf(run, words), side, linesOf(run));
    return row;
  }

  function draw() {
    const place = byId("history-list");
    const typing = renaming !== null && place && place.querySelector(".mt-rename");
    if (!place || typing || !isShown() || !microtome.session()) return;
    const focused = place.contains(document.activeElement) && focusOf(document.activeElement);
    place.replaceChildren(...(all().length ? all().map(rowOf) : [element("p", "", EMPTY)]));
    write("history-count", { textContent: all().length ? String(all().length) : "" });
    if (focused) refocus(focused);
  }

  /** What has the focus, so that it has it again when the list was drawn anew. */
  const focusOf = (target) => {
    const row = target.closest("[data-run]");
    return row && { run: row.dataset.run, className: target.className, line: target.dataset.line };
  };

  function refocus({ run, className, line }) {
    const row = document.querySelector(`[data-run="${run}"]`);
    const found = row && [...row.querySelectorAll("button, summary, input")].find((each) => each.className === className && each.dataset.line === line);
    if (found) found.focus();
  }

  // ---- what is done with them ----------------------------------------------------------------------------------

  const runOf = (id) => all().find((run) => run.id === id);

  function restore(run, line = null) {
    const session = past.sessionOf(run, line, microtome.session());
    const { session: whole, reason } = microtome.link.read(JSON.stringify(session));
    if (reason) return notify(`This run cannot be restored: ${reason}.`, true);
    dispatch({ type: "open", session: whole });
    return draw();
  }

  function rename(run) {
    renaming = run.id;
    draw();
    const field = document.querySelector("#history-list .mt-rename");
    if (field) {
      field.focus();
      field.select();
    }
  }

  /** The name that was typed, where `keeps`; the row has the focus again where it was left by a key. */
  function renamed(field, keeps, byKey) {
    const id = renaming;
    if (id === null) return;
    renaming = null;
    if (keeps) keep(past.changed(all(), id, { name: field.value.trim() }));
    else draw();
    if (byKey) refocus({ run: id, className: "mt-past-open" });
  }

  const ACTIONS = {
    "mt-past-open": (run) => restore(run),
    "mt-past-pin": (run) => keep(past.changed(all(), run.id, { pinned: !run.pinned })),
    "mt-past-compare": (run) => microtome.compare(run),
    "mt-edit": rename,
    "mt-remove": (run) => keep(past.removed(all(), run.id)),
  };

  function clicked({ target }) {
    const row = target.closest && target.closest("#history-list [data-run]");
    const run = row && runOf(row.dataset.run);
    if (!run) return;
    const line = target.closest("[data-line]");
    if (line) return void restore(run, run.lines[Number(line.dataset.line)]);
    for (const [name, act] of Object.entries(ACTIONS)) if (target.closest(`.${name}`)) act(run);
  }

  /** Up and down go from run to run. */
  function step(event) {
    const rows = [...document.querySelectorAll("#history-list [data-run]")];
    const next = rows[rows.indexOf(event.target.closest("[data-run]")) + { ArrowUp: -1, ArrowDown: 1 }[event.key]];
    event.preventDefault();
    event.stopPropagation();
    if (next) next.querySelector(".mt-past-open").focus();
  }

  function pressed(event) {
    const row = event.target.closest && event.target.closest("#history-list [data-run]");
    if (!row) return;
    if (event.target.matches(".mt-rename")) {
      if (["Enter", "Escape"].includes(event.key)) event.preventDefault(); // else the button with the focus is pressed
      if (event.key === "Enter") renamed(event.target, true, true);
      if (event.key === "Escape") renamed(event.target, false, true);
      event.stopPropagation();
    } else if (event.key === "F2") rename(runOf(row.dataset.run));
    else if (event.key === "Delete") keep(past.removed(all(), row.dataset.run));
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") step(event);
  }

  /** The other side of the rail. */
  function turn(side = isShown() ? "experiment" : "history") {
    document.body.dataset.rail = side;
    setProps("rail-side", { value: side });
    draw();
  }

  document.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed, true);
  document.addEventListener("change", ({ target }) => target.matches("#rail-side input[type=radio]") && turn(target.value));
  document.addEventListener("focusout", ({ target }) => target.matches && target.matches("#history-list .mt-rename") && renamed(target, true, false));
  microtome.projections.push(({ session }, before) => {
    if (!before || before.session.experiment !== session.experiment) draw();
  });
  Object.assign(past, {
    all, turn, flush, clear: () => keep(past.onlyPinned(all())), add: (others) => keep(past.merged(all(), others)),
  });
})(window);
