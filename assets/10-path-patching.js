/* The paths into one head that are asked for: app.domain.sweep_asked.PathsAsked as JSON, a part of the session's sweep.
 *
 * `receiver` is the head that is held while others are selected; null follows the primary head.
 */
(function (root) {
  "use strict";

  const FIRST_PATHS = Object.freeze({ component: "q", direction: "denoising", receiver: null });
  const CHOICES = { component: ["q", "k", "v"], direction: ["denoising", "noising"] };

  const isIndex = (value, count) => Number.isInteger(value) && value >= 0 && (count == null || value < count);
  const isReceiver = (value) => value === null || (!!value && isIndex(value.layer) && isIndex(value.head));
  const FIELDS = {
    component: (value) => CHOICES.component.includes(value), direction: (value) => CHOICES.direction.includes(value),
    receiver: isReceiver,
  };

  /** Whether every field that is given may stand there. */
  const isPaths = (value) =>
    typeof value === "object" && value !== null && Object.keys(value).every((name) => FIELDS[name] && FIELDS[name](value[name]));

  /** Fewer fields than the whole are filled in; a receiver that the model does not have is let go. */
  function completePaths(given, model = {}) {
    const { component, direction, receiver } = { ...FIRST_PATHS, ...given };
    const exists = receiver && isIndex(receiver.layer, model.n_layers) && isIndex(receiver.head, model.n_heads);
    return { component, direction, receiver: exists ? { layer: receiver.layer, head: receiver.head } : null };
  }

  root.microtome = root.microtome || {};
  root.microtome.paths = { FIRST_PATHS, isPaths, completePaths };
  if (typeof module !== "undefined") module.exports = root.microtome.paths;
})(typeof window === "undefined" ? globalThis : window);
