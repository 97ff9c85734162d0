/* The panels of a plate in a page of its own, each a live Plotly figure in its place. */
"use strict";

function place(panel) {
  const made = document.createElement("div");
  Object.assign(made.style, { left: `${panel.x}px`, top: `${panel.y}px`, transform: `scale(${panel.scale})` });
  const size = { width: Math.round(panel.width / panel.scale), height: Math.round(panel.height / panel.scale) };
  const { data, layout } = panel.figure;
  return [made, () => Plotly.newPlot(made, data, { ...layout, ...size }, { displaylogo: false })];
}

function interactive({ panels, width, height, background, ink, family, size }) {
  const main = document.querySelector("main");
  document.body.style.background = background;
  Object.assign(main.style, { width: `${width}px`, height: `${height}px` });
  for (const panel of panels) {
    const [made, draw] = place(panel);
    main.append(made);
    draw();
    if (!panel.letter) continue;
    const letter = Object.assign(document.createElement("b"), { textContent: panel.letter });
    Object.assign(letter.style, { left: `${panel.x}px`, top: `${panel.y}px`, color: ink, font: `bold ${size}px/1.15 ${family}` });
    main.append(letter);
  }
}
