/* Dash looks at every part of the page at every change of a store. Of components that are marked `dashChildrenUpdate`
 * (menus, tooltips) it also compares all paths that have ever changed with their own, some twenty of them four fifths of
 * the time of every change. They are marked so that they are drawn again when what is inside them changes; here nothing
 * inside a menu ever changes, and what is inside a tooltip draws itself.
 */
(function (root) {
  "use strict";

  for (const component of Object.values(root.dash_mantine_components || {})) {
    if (component && component.dashChildrenUpdate) delete component.dashChildrenUpdate;
  }
})(window);
