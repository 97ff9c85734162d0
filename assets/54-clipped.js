/* What does not fit says itself whole on hover: captions, and words beside titles and progress. */
(function () {
  "use strict";

  const WORDS = ".mt-caption, .mt-of, .mt-sweep-text, .mt-message";

  document.addEventListener("pointerover", ({ target }) => {
    const words = target.closest && target.closest(WORDS);
    if (!words) return;
    const clipped = words.scrollWidth > words.clientWidth + 1 || words.scrollHeight > words.clientHeight + 1;
    if (clipped) words.title = words.textContent;
    else words.removeAttribute("title");
  });
})();
