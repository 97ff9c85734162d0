/* What this browser remembers for the page: nothing where it may not, as in a frame of another site. */
(function (root) {
  "use strict";

  /** What was remembered, or null. */
  function get(key) {
    try {
      return root.localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  /** Whether it is remembered now: the place may be full, too. */
  function set(key, value) {
    try {
      root.localStorage.setItem(key, value);
      return true;
    } catch {
      return false;
    }
  }

  (root.microtome = root.microtome || {}).remembered = { get, set };
})(window);
