/* Opening a file: dropped anywhere on the page, or chosen with the button or the key o. A session, a recipe, or a figure
 * that was exported; the server reads it, and Back returns to what was there before. A recipe that was copied, here or
 * in a notebook, is opened by pasting it where no field takes it. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const MOST_BYTES = 20_000_000;
  const FORMS = ".json,.pdf,.svg,.png,.html";
  const ELSEWHERE = ".mt-upload, [role=dialog]"; // these take files of their own
  let number = 0;

  const input = Object.assign(document.createElement("input"), { type: "file", accept: FORMS, hidden: true });

  function read(file) {
    if (!file) return;
    if (file.size > MOST_BYTES) {
      microtome.notify(`${file.name} has ${file.size} bytes and the limit is ${MOST_BYTES}; give a smaller file.`, true);
      return;
    }
    const reader = new FileReader();
    reader.onload = () => {
      number += 1;
      microtome.setProps("opened-file", { data: { content: reader.result, number } });
    };
    reader.onerror = () => microtome.notify(`${file.name} could not be read.`, true);
    reader.readAsDataURL(file);
  }

  function choose() {
    input.value = ""; // the same file may be opened again
    input.click();
  }

  function openedWith({ history, unread }) {
    if (!history.length && !unread) return "Opened.";
    const runs = history.length === 1 ? "one run" : `${history.length} runs`;
    return `Opened, with ${runs} of its history${unread ? `; ${unread} could not be read` : ""}.`;
  }

  /** What the server found in the file becomes the page. */
  function opened(found) {
    if (!found) return root.dash_clientside.no_update;
    microtome.dispatch({ type: "open", session: found.session });
    if (found.history.length) microtome.past.add(found.history);
    microtome.notify(found.told || openedWith(found));
    return root.dash_clientside.no_update;
  }

  const FIELDS = "input:not([type=radio], [type=checkbox]), textarea, [contenteditable]";
  const asJson = (text) => new File([text], "pasted.json", { type: "application/json" });

  document.addEventListener("paste", (event) => {
    const text = ((event.clipboardData && event.clipboardData.getData("text/plain")) || "").trim();
    if (text[0] !== "{" || (event.target.closest && event.target.closest(FIELDS))) return;
    event.preventDefault();
    read(asJson(text));
  });

  const taken = (event) => [...event.dataTransfer.types].includes("Files") && !event.target.closest(ELSEWHERE);
  const over = (on) => document.body.classList.toggle("is-dropping", on);

  input.addEventListener("change", () => read(input.files[0]));
  document.addEventListener("click", (event) => event.target.closest("#open-file") && choose());
  document.addEventListener("dragover", (event) => {
    if (!taken(event)) return;
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  document.addEventListener("drop", (event) => {
    over(false);
    if (!taken(event)) return;
    event.preventDefault();
    read(event.dataTransfer.files[0]);
  });
  Object.assign(microtome, { opened, openFile: choose });
})(window);
