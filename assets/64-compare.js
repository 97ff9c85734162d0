/* The dialog that lays a run of the history beside the one on screen: what differs, the answer's numbers, the heads. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { past, setProps } = microtome;
  let turn = 0;

  function element(tag, className, text = null) {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== null) made.textContent = text;
    return made;
  }

  function tableOf(className, titles, rows) {
    const head = element("tr", "");
    head.append(...titles.map((title) => Object.assign(element("th", "", title), { scope: "col" })));
    const table = element("table", className);
    table.append(head, ...rows);
    return table;
  }

  function rowOf(className, [name, ...cells]) {
    const row = element("tr", className);
    row.append(Object.assign(element("th", "", name), { scope: "row" }), ...cells.map((cell) => element("td", "", cell)));
    return row;
  }

  /** Three significant digits, signed where it is a difference; a true minus. */
  function number(value, signed = false) {
    if (value === null) return "–";
    const text = value === 0 ? "0" : String(Number(value.toPrecision(3)));
    return (signed && value > 0 ? `+${text}` : text).replace("-", "−");
  }

  function differences(now, then, name) {
    const found = past.compared(now, then);
    const differing = found.filter(([, , , differs]) => differs);
    const same = found.filter(([, , , differs]) => !differs).map(([each]) => each);
    const rows = differing.map(([each, one, other]) => rowOf("", [each, one, other]));
    const table = tableOf("mt-compare-words", ["", "on screen", name], rows);
    const rest = element("p", "mt-quiet", differing.length ? `The same: ${same.join(", ")}.` : "Both runs are the same.");
    return differing.length ? [table, rest] : [rest];
  }

  function metrics({ metrics: found }, name) {
    const rows = found.map(([each, one, other, change]) => rowOf("", [each, number(one), number(other), number(change, true)]));
    return tableOf("mt-compare-numbers", ["", "on screen", name, "difference"], rows);
  }

  function figure(place, { figure: drawn, why }) {
    if (!drawn) return place.append(element("p", "mt-quiet", why));
    place.append(element("h4", "", "Direct attribution of heads, on screen − the other"));
    const gd = element("div", "mt-compare-figure");
    place.append(gd);
    root.Plotly.newPlot(gd, drawn.data, { ...drawn.layout, shapes: [], autosize: true, template: microtome.template() || drawn.layout.template },
      { displayModeBar: false, responsive: true });
    return undefined;
  }

  async function ask(runs) {
    const response = await root.fetch(`${microtome.prefix()}compare`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ runs }),
    });
    if (response.ok) return response.json();
    throw new Error(response.status < 500 ? await response.text() : "The server failed; its log says why.");
  }

  /** A run of the history beside what is on screen now. */
  microtome.compare = async (run) => {
    const mine = (turn += 1);
    const [now, then] = [microtome.session().experiment, past.experimentOf(run)];
    const name = past.said(run, now).title;
    setProps("compare", { opened: true });
    const place = document.getElementById("compared");
    const numbers = element("div", "mt-compare-found", "Computing what is not there yet…");
    place.replaceChildren(...differences(now, then, name), numbers);
    try {
      const found = await ask([now, then]);
      if (mine !== turn) return;
      numbers.replaceChildren(metrics(found, name));
      figure(numbers, found);
    } catch (error) {
      if (mine === turn) numbers.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
    }
  };
})(window);
