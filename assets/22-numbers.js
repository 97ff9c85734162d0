/* Boxes of numbers read no powers of ten: their library drops the letter, and 1e9 would be 19. What is pasted is written
 * out; who types the letter is told. */
(function (root) {
  "use strict";

  const POWER = /^\s*[-+]?\d*\.?\d+[eE][-+]?\d+\s*$/;

  /** "1e-3" -> "0.001"; null for what is no power of ten, or has more digits than a box takes. */
  function writtenOut(text) {
    if (!POWER.test(text)) return null;
    const said = Number(text).toLocaleString("en-US", { useGrouping: false, maximumFractionDigits: 20 });
    return said.length <= 24 ? said : null;
  }

  if (typeof module !== "undefined") module.exports = { writtenOut };
  if (typeof document === "undefined") return;

  function typed(event) {
    const { target, data } = event;
    if (!data || !/[eE]/.test(data) || !target.closest || !target.closest(".mantine-NumberInput-root")) return;
    event.preventDefault();
    const said = writtenOut(data);
    if (said === null) root.microtome.notify("Write the number out: 1e3 as 1000, 1e-3 as 0.001.", true);
    else document.execCommand("insertText", false, said);
  }

  document.addEventListener("beforeinput", typed, true);
  document.addEventListener("paste", (event) => {
    const text = event.clipboardData && event.clipboardData.getData("text");
    if (!text || !event.target.closest || !event.target.closest(".mantine-NumberInput-root") || !/[eE]/.test(text)) return;
    event.preventDefault();
    typed({ target: event.target, data: text, preventDefault() {} });
  }, true);
})(typeof window === "undefined" ? globalThis : window);
