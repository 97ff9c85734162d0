/* Between Dash and the reducer: clientside callbacks by name (callbacks/client.py), controls that show the state. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, setProps, write, propsOf, shownToken, state } = microtome;
  const none = () => root.dash_clientside.no_update;

  // ---- from controls to actions --------------------------------------------------------------------------------

  const met = {}; // models from links and the command line, which the picker's list does not know

  /** The model as the header's three controls say; another one as the list, or a session before, described it. */
  function chosenModel(now) {
    const { value: name } = propsOf("model-picker");
    const { value: processing } = propsOf("processing");
    const { checked: prepend_bos } = propsOf("bos-switch");
    const { data: listed = {} } = propsOf("models") || {};
    const other = met[name] || listed[name] || { source: "listed", name, revision: null, dtype: "float32" };
    return { ...(name === now.name || !name ? now : other), processing, prepend_bos };
  }

  /** Several controls may be set in one go (undo, a link): read them once all of them are. */
  function readModelControls() {
    queueMicrotask(() => {
      const session = microtome.session();
      const { data: examples } = propsOf("examples") || {};
      if (session) dispatch({ type: "set-model", model: chosenModel(session.experiment.model), examples });
    });
    return none();
  }

  function accept(accepted) {
    if (accepted) dispatch({ type: "set-experiment", experiment: accepted.experiment });
    return none();
  }

  function attention(digests, view, beside) {
    microtome.attention.setDigests(digests, beside);
    return none();
  }

  /** What the server is doing while it is not ready. */
  function status(now) {
    write("phase", { textContent: !now || now.phase === "ready" ? "" : now.message || now.phase });
    microtome.markStale();
    return none();
  }

  // ---- from the state to controls ------------------------------------------------------------------------------

  function drawPicker(id, tokens) {
    const data = tokens.map((token) => ({ value: token, label: shownToken(token) }));
    if (!state.same((propsOf(id) || {}).value, tokens)) setProps(id, { data, value: tokens });
  }

  function drawDrafts({ clean, corrupted, answer, incorrect_answer }) {
    setProps("clean-prompt", { value: clean });
    setProps("corrupted-prompt", { value: corrupted || "" });
    drawPicker("answer", answer);
    drawPicker("incorrect-answer", incorrect_answer);
  }

  /** A model from a link may be missing in the list: it joins it. */
  function drawModel({ name, processing, prepend_bos }) {
    const { data = [] } = propsOf("model-picker") || {};
    const listed = data.some((entry) => entry.value === name);
    setProps("model-picker", { data: listed ? data : [...data, { value: name, label: name }], value: name });
    setProps("processing", { value: processing });
    setProps("bos-switch", { checked: prepend_bos });
  }

  const drafts = microtome.draftKeeper();
  const typedIn = (id) => (document.getElementById(id) || { value: "" }).value;
  const chosenIn = (id) => (propsOf(id) || {}).value || [];

  /** What the rail's fields hold, as a prompt. */
  const typed = () => ({
    clean: typedIn("clean-prompt"), corrupted: typedIn("corrupted-prompt") || null, answer: chosenIn("answer"),
    incorrect_answer: chosenIn("incorrect-answer"),
  });

  function leaveDraft(prompt) {
    if (!drafts.remember(prompt, typed())) return;
    microtome.notify("What was typed is kept with its prompt: select that prompt again to go on.");
  }

  /** Run has read the drafts already, and somebody may have typed on since: they are left alone then. */
  microtome.projections.push((now, before, action) => {
    const { experiment } = now.session;
    const old = before && before.session.experiment;
    if (old === experiment) return;
    met[experiment.model.name] = experiment.model;
    drawModel(experiment.model);
    if (old && state.same(old.prompt, experiment.prompt)) return;
    if (action.type === "select-prompt") leaveDraft(old.prompt);
    if (action.type === "set-experiment") drafts.forget(old.prompt);
    else drawDrafts(drafts.of(experiment.prompt));
  });

  // ---- drafts that nothing on screen belongs to yet -------------------------------------------------------------

  function hintAtDraft() {
    const session = microtome.session();
    if (!session) return;
    const { labels, ...prompt } = session.experiment.prompt; // labels are not typed here
    const edited = !state.same(typed(), { ...prompt, corrupted: prompt.corrupted || null });
    document.body.dataset.draft = edited ? "edited" : "";
    write("draft-hint", { textContent: edited ? "edited, not run yet: Ctrl Enter" : "Ctrl Enter" });
  }

  /** A chip that was taken away is an edit as well. */
  function draftsChosen() {
    setTimeout(hintAtDraft);
    return none();
  }

  // ---- another model begins anew --------------------------------------------------------------------------------

  microtome.projections.push(({ session }, before, action) => {
    const lost = before && action.type === "set-model" ? microtome.state.lostWith(before.session, session) : "";
    if (lost) microtome.notify(`Another model begins without ${lost}. Undo (z) brings the model back with them.`);
  });

  document.addEventListener("input", () => setTimeout(hintAtDraft));
  microtome.projections.push(() => setTimeout(hintAtDraft, 100));

  // ---- the table sorts by size, what was not computed last ---------------------------------------------------------

  function bySize(a, b, rowA, rowB, descending) {
    if (a == null && b == null) return 0;
    if (a == null) return descending ? -1 : 1;
    if (b == null) return descending ? 1 : -1;
    return Math.abs(a) - Math.abs(b);
  }
  root.dashAgGridFunctions = Object.assign(root.dashAgGridFunctions || {}, { bySize });

  root.dash_clientside = Object.assign(root.dash_clientside || {}, {
    microtome: {
      accept, draftsChosen, answersFound: () => microtome.answersFound(), attention, model: readModelControls, status,
      prompts: microtome.formHooks.prompts, changes: microtome.formHooks.changes, fields: microtome.formHooks.fields,
      directionMade: microtome.directionHooks.made, directionFields: microtome.directionHooks.fields,
      strength: microtome.strengthControls, mapComputed: microtome.mapComputed, taken: microtome.taken,
      sweepControls: microtome.sweepControls, startIsOff: microtome.startIsOff, generation: microtome.generationControls,
      paths: microtome.pathsControls, heads: microtome.headControls, opened: microtome.opened,
      lensTokens: microtome.lensHooks.lensTokens, lensRead: microtome.lensHooks.lensRead, saeRead: microtome.saeHooks.saeRead,
      headCard: microtome.headCard, cardPattern: microtome.cardPattern, cardFound: microtome.cardFound,
    },
  });
})(window);
