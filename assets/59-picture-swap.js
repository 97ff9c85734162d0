/* Another picture on the same axes of a live figure: only its address changes, in the drawing and in what Plotly has
 * noted of it, so that a full redraw agrees. Plotly itself would load, redraw and encode the picture, and lay out all axes.
 */
(function (root) {
  "use strict";

  const XLINK = "http://www.w3.org/1999/xlink";

  /** Whether it could be done: the figure's only picture must have been drawn. */
  function swapPicture(gd, source) {
    const [given] = gd.layout.images || [];
    const [noted] = gd._fullLayout.images || [];
    const drawn = gd.querySelector(".imagelayer image");
    if (!given || !noted || !drawn) return false;
    for (const each of [given, noted]) each.source = source;
    const show = () => drawn.setAttributeNS(XLINK, "xlink:href", drawn._imgSrc);
    drawn._imgSrc = source;
    show();
    if (drawn.img) drawn.img.addEventListener("load", show); // what Plotly still loads must not come last
    delete drawn.img;
    return true;
  }

  root.microtome = Object.assign(root.microtome || {}, { swapPicture });
})(window);
