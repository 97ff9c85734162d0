/* The card of the direction that is looked at: lines of words, and lists of bars that the server has written. */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const { dispatch, shownToken } = microtome;

  function element(tag, className, text = null, attributes = {}) {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== null) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  }

  function lines(pairs) {
    const list = element("dl", "mt-direction-lines");
    for (const [label, words] of pairs) {
      const row = element("div", "");
      row.append(element("dt", "", label), element("dd", "", words, { title: words }));
      list.append(row);
    }
    return list;
  }

  /** Name, a bar from the middle where numbers have both signs, and the number in full on hover. */
  function bar({ name, value, said, note }, { limit, token, act }) {
    const row = element(act ? "button" : "div", "mt-bar-row", null, { title: note || `${name} ${value}` });
    if (act) Object.assign(row, { type: "button", onclick: () => act(name) });
    const track = element("span", "mt-bar-track");
    const fill = element("span", value < 0 ? "mt-bar-fill is-less" : "mt-bar-fill is-more");
    fill.style.width = `${value === null ? 0 : (50 * Math.min(Math.abs(value) / limit, 1)).toFixed(2)}%`;
    track.append(fill);
    row.append(element("span", token ? "mt-bar-name is-token" : "mt-bar-name", token ? shownToken(name) : name), track, element("span", "mt-bar-value", said));
    return row;
  }

  function bars(title, rows, options) {
    const block = element("section", "mt-bar-block");
    block.append(element("h4", "", title), ...rows.map((row) => bar(row, options)));
    return block;
  }

  const largest = (rows) => Math.max(...rows.map(({ value }) => Math.abs(value || 0)), 1e-12);
  const lookAt = (name) => dispatch({ type: "show-residual", direction: name });

  function draw({ lines: said, promoted, suppressed, nearest, others }) {
    const limit = largest([...promoted, ...suppressed]);
    const found = [
      lines(said),
      bars("cosine with the other directions", others, { limit: 1, act: lookAt }),
      bars("promotes, logits per unit", promoted, { limit, token: true }),
      bars("suppresses", suppressed, { limit, token: true }),
      bars("nearest embeddings, cosine", nearest, { limit: 1, token: true }),
    ];
    if (!others.length) found.splice(1, 1);
    document.getElementById("direction-card-body").replaceChildren(...found);
  }

  // ---- nothing to look at yet ----------------------------------------------------------------------------------

  const example = () => document.querySelector("[data-example-direction]");

  /** Offered while the library is empty and the prompt names two answers. */
  function offerExample({ directions, experiment: { prompt } }) {
    const { answer, incorrect_answer: other } = prompt;
    if (example()) example().hidden = directions.length > 0 || !answer.length || !other.length;
  }

  function makeExample() {
    const { answer, incorrect_answer: minus } = microtome.session().experiment.prompt;
    const name = [answer, minus].map((side) => side.map((token) => token.trim()).join("/")).join(" − ");
    dispatch({ type: "add-direction", name: name.slice(0, 40), direction: { kind: "tokens", tokens: answer, minus, matrix: "W_U" } });
  }

  microtome.drawDirectionCard = (panel, content) => draw(content);
  document.addEventListener("click", (event) => event.target.closest("[data-example-direction]") && makeExample());
  microtome.projections.push(({ session }) => offerExample(session));
})(window);
