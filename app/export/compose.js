/* Several Plotly figures as one svg: each is drawn at its own size, put into its place and scaled, its ids made its own.
 *
 * compose({panels: [{figure, x, y, width, height, scale, letter}], width, height, background, ink, family, size}) -> svg
 * as text; the page then shows nothing but that svg, so that it can be printed or photographed.
 */
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

/** Ids of two figures may be the same, and one document has each but once. */
function owned(root, prefix) {
  const ids = new Set([...root.querySelectorAll("[id]")].map(({ id }) => id));
  for (const part of root.querySelectorAll("*")) {
    if (part.id) part.id = prefix + part.id;
    for (const { name, value } of [...part.attributes]) {
      const own = value.replace(/url\((["']?)#([^"')]+)\1\)/g, (all, quote, id) => (ids.has(id) ? `url(#${prefix}${id})` : all));
      const named = /(^|:)href$/.test(name) && own[0] === "#" && ids.has(own.slice(1)) ? `#${prefix}${own.slice(1)}` : own;
      if (named !== value) part.setAttribute(name, named);
    }
  }
  return root;
}

async function drawn({ figure: { data, layout }, width, height, scale }, at) {
  const size = { width: Math.round(width / scale), height: Math.round(height / scale) };
  const text = await Plotly.toImage({ data, layout: { ...layout, ...size }, config: { staticPlot: true } },
    { format: "svg", imageDataOnly: true, ...size });
  const root = owned(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, `p${at}-`);
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${size.width} ${size.height}` })) root.setAttribute(key, value);
  return document.importNode(root, true);
}

async function compose({ panels, width, height, background, ink, family, size }) {
  const whole = element("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}` });
  whole.append(element("rect", { width, height, fill: background }));
  for (const [at, panel] of panels.entries()) {
    const root = await drawn(panel, at);
    root.setAttribute("x", panel.x);
    root.setAttribute("y", panel.y);
    whole.append(root);
    if (!panel.letter) continue;
    const place = { x: panel.x, y: panel.y + size * 1.15, fill: ink };
    whole.append(element("text", { ...place, "font-family": family, "font-weight": 700, "font-size": size }, panel.letter));
  }
  whole.style.display = "block";
  document.body.replaceChildren(whole);
  return new XMLSerializer().serializeToString(whole);
}
