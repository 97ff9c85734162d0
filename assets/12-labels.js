/* Labels of prompts, {name: value} each (app/domain/labels.py): which a set has, how a row says them, and what panels that
 * colour or group by them offer. A choice names one as `label:topic`.
 */
(function (root) {
  "use strict";

  const LABEL = "label:"; // app.domain.labels.PREFIX

  const labelsOf = ({ labels = {} }) => Object.entries(labels);

  /** Each once, in the order of the prompts. */
  const labelNames = (prompts) => [...new Set(prompts.flatMap((prompt) => labelsOf(prompt).map(([name]) => name)))];

  /** `topic: sport, level: 2`. */
  const labelsSaid = (prompt) => labelsOf(prompt).map(([name, value]) => `${name}: ${value}`).join(", ");

  /** Of every label of the set, its value: `sport · 2`, `– · 2` where it has no topic. */
  const labelValues = ({ labels }, names) => (labels ? names.map((name) => labels[name] ?? "–").join(" · ") : "");

  /** What a set offers, [value, words] each. One that is chosen and that no prompt has is offered, too: it is what the
   * panel speaks of. */
  function labelChoices(prompts, chosen) {
    const names = labelNames(prompts);
    const missing = chosen.startsWith(LABEL) && !names.includes(chosen.slice(LABEL.length));
    const there = names.map((name) => [`${LABEL}${name}`, `by ${name}`]);
    return missing ? [...there, [chosen, `by ${chosen.slice(LABEL.length)} (no prompt has it)`]] : there;
  }

  /** A select's own choices, then the labels of the set; `chosen` is set. */
  function offerLabels(id, { prompts, prompt }, chosen) {
    const select = document.getElementById(id);
    if (!select) return;
    const choices = labelChoices(prompts.length ? prompts : [prompt], chosen);
    const said = JSON.stringify(choices);
    if (select.dataset.labels !== said) {
      select.querySelector("optgroup")?.remove();
      const group = document.createElement("optgroup");
      group.label = "Labels of prompts";
      group.append(...choices.map(([value, text]) => new Option(text, value)));
      if (choices.length) select.append(group);
      select.dataset.labels = said;
    }
    select.value = chosen;
  }

  root.microtome = Object.assign(root.microtome || {}, { labelNames, labelsSaid, labelValues, labelChoices, offerLabels });
  if (typeof module !== "undefined") module.exports = { labelNames, labelsSaid, labelValues, labelChoices };
})(typeof window === "undefined" ? globalThis : window);
