/* The points of a map, all on one canvas below the axes' labels: as elements of the page, thousands of them take Plotly a
 * second to colour again. Plotly draws one of each trace (`maxdisplayed`, app/figures/activation_map.py) and answers
 * pointer and lasso for all; exports are drawn by the server, as vectors.
 */
(function (root) {
  "use strict";

  const FULL = 2 * Math.PI;
  const DIM = 0.2; // Plotly's opacity of what a lasso left out

  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

  /** Evenly or unevenly spaced [share, "#rrggbb"] -> `steps` colours from the first to the last. */
  function ramp(scale, steps) {
    return Array.from({ length: steps }, (_, step) => {
      const share = step / (steps - 1);
      const above = Math.max(1, scale.findIndex(([at]) => at >= share));
      const [[low, from], [high, to]] = [scale[above - 1], scale[above]];
      const part = (share - low) / (high - low);
      const [a, b] = [channels(from), channels(to)];
      return `rgb(${a.map((value, at) => Math.round(value + part * (b[at] - value))).join()})`;
    });
  }

  /** Which of `steps` colours a number has; beyond the ends as at the ends. */
  const stepOf = (value, low, high, steps) =>
    Math.min(steps - 1, Math.max(0, Math.round(((value - low) / (high - low)) * (steps - 1)))) || 0;

  if (typeof module !== "undefined") module.exports = { ramp, stepOf };
  if (typeof document === "undefined") return;

  const microtome = root.microtome;
  const PANEL = "activation-map";
  const STEPS = 64;

  function canvasOf(gd) {
    const parent = gd.querySelector(".svg-container");
    const found = parent.querySelector(":scope > canvas");
    if (found) return found;
    const canvas = document.createElement("canvas");
    canvas.className = "mt-points";
    canvas.setAttribute("aria-hidden", "true");
    parent.querySelector(".main-svg").after(canvas); // below the layer of hover labels, legend and colour bar
    return canvas;
  }

  /** Cleared, as large as the plot, in CSS pixels, clipped to its axes. */
  function cleared(gd) {
    const canvas = canvasOf(gd);
    const { width, height, _size: { l, t, w, h } } = gd._fullLayout;
    const ratio = root.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.beginPath();
    context.rect(l, t, w, h);
    context.clip();
    return context;
  }

  /** Of every point its colour: one for all, or by its number on the colour axis. */
  function coloursOf({ marker }, layout) {
    if (!marker.coloraxis) return () => marker.color;
    const { colorscale, cmin, cmax } = layout[marker.coloraxis];
    const colours = ramp(colorscale, STEPS);
    return (at) => colours[stepOf(marker.color[at], cmin, cmax, STEPS)];
  }

  /** A marker drawn once in each colour, then stamped. */
  function stamps({ marker }) {
    const made = new Map();
    const ratio = root.devicePixelRatio || 1;
    const open = marker.symbol === "circle-open";
    const radius = marker.size / 2;
    const half = Math.ceil(radius + marker.line.width / 2 + 1);
    const make = (colour) => {
      const stamp = document.createElement("canvas");
      stamp.width = stamp.height = 2 * half * ratio;
      const context = stamp.getContext("2d");
      context.scale(ratio, ratio);
      context.beginPath();
      context.arc(half, half, radius, 0, FULL);
      Object.assign(context, { fillStyle: colour, strokeStyle: open ? colour : marker.line.color, lineWidth: marker.line.width || 1 });
      if (!open) context.fill();
      context.stroke();
      return stamp;
    };
    return {
      half,
      of(colour) {
        if (!made.has(colour)) made.set(colour, make(colour));
        return made.get(colour);
      },
    };
  }

  function drawTrace(context, gd, at) {
    const trace = gd._fullData[at];
    const { xaxis, yaxis, _size: { l, t } } = gd._fullLayout;
    const colour = coloursOf(trace, gd._fullLayout);
    const { half, of } = stamps(trace);
    const chosen = trace.selectedpoints ? new Set(trace.selectedpoints) : null;
    gd.calcdata[at].forEach(({ x, y }, index) => {
      context.globalAlpha = trace.marker.opacity * (!chosen || chosen.has(index) ? 1 : DIM);
      context.drawImage(of(colour(index)), l + xaxis.c2p(x) - half, t + yaxis.c2p(y) - half, 2 * half, 2 * half);
    });
  }

  function draw(gd) {
    const context = cleared(gd);
    gd._fullData.forEach((trace, at) => trace.visible === true && drawTrace(context, gd, at));
  }

  function redraw() {
    const gd = microtome.graph(PANEL);
    if (gd) draw(gd);
  }

  microtome.afterPlot.push((gd, panel) => panel === PANEL && microtome.graph(PANEL) && draw(gd));
  microtome.bound.push((panel, hear) => {
    if (panel !== PANEL) return;
    for (const name of ["plotly_relayouting", "plotly_selecting", "plotly_selected", "plotly_deselect"]) hear(name, redraw);
  });
})(typeof window === "undefined" ? globalThis : window);
