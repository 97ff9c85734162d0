/* What components write, as a table: tokens with the logits that they get, shaded by size; heads are buttons. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const PLACE = "component-rows";
  let found = null;

  const short = (value) => {
    const plain = Math.abs(value) >= 1000 ? value.toFixed(0) : Number(value.toPrecision(3)).toString();
    return `${value > 0 ? "+" : ""}${plain}`.replace("-", "−");
  };

  function element(tag, className, text = "", properties = {}) {
    return Object.assign(document.createElement(tag), { className, textContent: text, ...properties });
  }

  function chip([token, logit], most) {
    const made = element("span", `mt-written-token is-${logit < 0 ? "less" : "more"}`, token, { title: `${token} ${logit} logits` });
    made.style.setProperty("--share", `${Math.round((Math.min(1, Math.abs(logit) / most)) * 60)}%`);
    made.append(element("small", "", short(logit)));
    return made;
  }

  function tokens(list, most) {
    const cell = element("td", "mt-written-tokens");
    const line = element("div", "", "", { title: list.map(([token, logit]) => `${token} ${short(logit)}`).join("   ") });
    line.append(...list.map((each) => chip(each, most)));
    cell.append(line);
    return cell;
  }

  const numbers = (logits) => logits.map((value) => element("td", "mt-number", short(value), { title: String(value) }));

  function nameOf(label) {
    const head = microtome.headNamed(label);
    const cell = element("th", "", head ? "" : label, { scope: "row" });
    if (!head) return cell;
    const button = element("button", "mt-link", label, { type: "button", title: `Select ${label}` });
    button.addEventListener("click", (event) => microtome.dispatch({ type: "click-head", ...head, add: event.shiftKey }));
    cell.append(button);
    return cell;
  }

  function rowOf({ label, norm, logits, promoted, suppressed }, most) {
    const row = element("tr", "");
    row.dataset.component = label;
    row.append(
      nameOf(label), tokens(promoted, most), tokens(suppressed, most),
      element("td", "mt-number mt-quiet", Number(norm.toPrecision(3)).toString(), { title: String(norm) }), ...numbers(logits),
    );
    return row;
  }

  function restOf({ label, logits }) {
    const row = element("tr", label === "logit" ? "is-sum" : "is-rest");
    const name = element("th", "", label, { scope: "row", colSpan: 4 });
    row.append(name, ...numbers(logits));
    return row;
  }

  function headings(names) {
    const row = element("tr", "");
    const said = ["", "promotes", "suppresses", "norm", ...names];
    row.append(...said.map((text, at) => element("th", at > 2 ? "mt-number" : "", text, { scope: "col" })));
    return row;
  }

  /** Heads that are selected are marked as everywhere. */
  function mark() {
    const session = microtome.session();
    if (!session) return;
    const chosen = new Set(session.selection.heads.map(microtome.state.headLabel));
    for (const row of document.querySelectorAll(`#${PLACE} tr[data-component]`)) {
      row.classList.toggle("is-selected", chosen.has(row.dataset.component));
    }
  }

  function draw() {
    const place = document.getElementById(PLACE);
    if (!place || !found) return;
    const every = found.rows.flatMap(({ promoted, suppressed }) => [...promoted, ...suppressed]);
    const most = Math.max(1e-6, ...every.map(([, logit]) => Math.abs(logit)));
    const table = element("table", "mt-written-table");
    const [head, body, foot] = ["thead", "tbody", "tfoot"].map((tag) => element(tag, ""));
    head.append(headings(found.tokens));
    body.append(...found.rows.map((row) => rowOf(row, most)));
    if (found.tokens.length) foot.append(...found.rest.map(restOf));
    table.append(head, body, foot);
    place.replaceChildren(table);
    mark();
  }

  microtome.projections.push(({ session }, before) => {
    if (!before || before.session.selection !== session.selection) mark();
  });
  function drawn(panel, content) {
    found = content;
    draw();
  }

  const { writtenAsked } = microtome;
  microtome.askPanel("component-lens", writtenAsked, { asked: writtenAsked, draw: drawn });
})(window);
