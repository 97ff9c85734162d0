/* One export menu for the page: it opens at the button that asks, with what that panel can leave as. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { setProps } = microtome;
  const PAGE_FORMS = ["session", "tables", "figures", "directions"];

  const OF_SOME = ["summary", "npy", "safetensors", "projector"]; // layouts/panel.py says of which panels

  const at = () => document.querySelector(".mt-export-at");
  const isOpen = () => at() && at().getAttribute("aria-expanded") === "true";
  const formOf = (item) => (item.id ? JSON.parse(item.id).format : null);

  /** Whether this button offers the form: the page's own forms, or those of panels. */
  function offers({ dataset }, form) {
    if (dataset.export === "page" || PAGE_FORMS.includes(form)) {
      return dataset.export === "page" && PAGE_FORMS.includes(form);
    }
    return !OF_SOME.includes(form) || (dataset.forms || "").split(" ").includes(form);
  }

  /** Entries that are not offered are hidden, and disabled so that the arrow keys pass over them; so are the headings
   * that have no entry left. */
  function offerOnly(button) {
    let heading = null;
    for (const part of document.getElementById("export-entries").querySelectorAll(".mantine-Menu-label, [role=menuitem]")) {
      const form = formOf(part);
      if (form === null) heading = part;
      const offered = form !== null && offers(button, form);
      part.hidden = part.disabled = !offered;
      if (offered && heading) heading.hidden = false;
    }
  }

  function open(button) {
    const { left, top, width, height } = button.getBoundingClientRect();
    Object.assign(at().style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    setProps("export-of", { data: button.dataset.export });
    if (button.dataset.export === "page") setProps("history", { data: microtome.past.all() }); // of the session's file
    offerOnly(button);
    at().click(); // Mantine's own opening: arrows, Escape and a click elsewhere are its business
    focusWhenShown(document.getElementById("export-entries"));
  }

  /** A kept menu is invisible for its first moments, and what is invisible takes no focus. */
  function focusWhenShown(entries, tries = 20) {
    if (entries.getClientRects().length) entries.focus();
    else if (tries) root.requestAnimationFrame(() => focusWhenShown(entries, tries - 1));
  }

  const buttonOf = (event) => event.target.closest && event.target.closest("[data-export]");
  let closing = null; // pressing the button of the open menu closes it, as any press outside it; the click must not reopen

  document.addEventListener("pointerdown", (event) => {
    const button = buttonOf(event);
    const { data } = microtome.propsOf("export-of") || {};
    closing = button && isOpen() && data === button.dataset.export ? button : null;
  }, true);
  document.addEventListener("click", (event) => {
    const button = buttonOf(event);
    if (button && button !== closing && at()) open(button);
    closing = null;
  });
})(window);
