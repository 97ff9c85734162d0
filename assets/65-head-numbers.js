/* The numbers of the heads: each is fetched once by its digest and kept, none per movement.
 *
 * The store `digests-heads` says where they are (callbacks/heads.py), `head-choices` how each is read
 * (app/domain/head_choices.py). A number that is not computed yet is no error: the answer is empty, and asked again.
 */
(function (root) {
  "use strict";

  /** Digests of a number's source: {digest, minus, show}, or {why} where there are none. */
  function whereIs(quantity, show, choices, digests) {
    const choice = choices && choices[quantity];
    const own = choice && digests && digests.sources && digests.sources[choice.source];
    if (!own) return { why: "it is not known yet; wait for the model" };
    if (own.lacks || own.error) return { why: own.lacks || own.error };
    const run = choice.alone ? "baseline" : show;
    const digest = run === "baseline" ? own.baseline : own.intervened;
    if (!digest) return { why: "nothing is changed yet: ablate or patch something first" };
    return { digest, minus: run === "difference" ? own.baseline : null, show: run };
  }

  /** The address of a number under a digest. */
  function addressOf({ digest, minus }, number) {
    return `heads/${digest}/${number}.f32?quiet=1${minus ? `&minus=${minus}` : ""}`;
  }

  /** Each side's tokens as they are shown, `·Mary − ·John`. */
  const answersOf = ({ answer, incorrect_answer }) => [answer, incorrect_answer].filter((side) => side.length)
    .map((side) => side.map((token) => root.microtome.shownToken(token)).join("/")).join(" − ");

  const directionOf = () => (root.microtome.directions.chosenDirection(root.microtome.session()) || { name: "no direction" }).name;

  /** The choice as it is named on this prompt: a projection by its tokens, or by its direction's name. */
  function namedOn(choice, prompt) {
    const on = { projection: () => answersOf(prompt), along: directionOf }[choice.source];
    return on ? { ...choice, words: `projection on ${on()}` } : choice;
  }

  if (typeof module !== "undefined") module.exports = { whereIs, addressOf };
  if (typeof document === "undefined") return;

  // ---- on the page ---------------------------------------------------------------------------------------------

  const microtome = root.microtome;
  const NOT_THERE = "it is not computed yet";

  async function fetched(address) {
    const answer = await fetch(microtome.prefix() + address);
    if (answer.status === 204) throw new Error(NOT_THERE);
    if (!answer.ok) throw new Error(await answer.text());
    const [prompts, ...shape] = answer.headers.get("X-Shape").split(",").map(Number);
    const whole = (answer.headers.get("Cache-Control") || "").includes("immutable");
    const base = JSON.parse(answer.headers.get("X-Base") || "null");
    return { prompts, shape, whole, base, values: new Float32Array(await answer.arrayBuffer()) };
  }

  const kept = microtome.keeper(async (address) => {
    const found = await fetched(address);
    if (!found.whole) throw new Error(NOT_THERE); // a sweep that still runs has other numbers at the same address
    return found;
  }, 64);

  const storeOf = (name) => (microtome.propsOf(name) || {}).data || null;
  const choices = () => storeOf("head-choices") || {};

  /** Values of the prompt on screen: of one prompt there is one row. */
  function ofPrompt({ prompts, shape, values, base }) {
    const at = prompts === 1 ? 0 : microtome.session().selection.prompt;
    const size = shape[0] * shape[1];
    return {
      shape, values: values.subarray(at * size, (at + 1) * size),
      base: base && { name: base.name, value: base.values[at] },
    };
  }

  /** One number of every head: {choice, shape, values, base, show, told}; refuses with why there is none. */
  async function headNumbers(quantity, show = microtome.session().view.show) {
    const choice = choices()[quantity];
    const where = whereIs(quantity, show, choices(), storeOf("digests-heads"));
    if (where.why) throw new Error(where.why);
    const names = [choice.number, ...(choice.told ? [choice.told] : [])];
    const [own, told] = await Promise.all(names.map((name) => kept(addressOf(where, name)).then(ofPrompt)));
    const named = namedOn(choice, microtome.session().experiment.prompt);
    return { ...own, choice: named, show: where.show, told: told && told.values };
  }

  /** What heads are read for: a direction by its name, or the answers. */
  const sideOf = ({ source }) => (source === "along" ? `along ${directionOf()}` : answersOf(microtome.session().experiment.prompt));

  Object.assign(microtome, { headNumbers, headChoices: choices, answersOf, sideOf });
})(typeof window === "undefined" ? globalThis : window);
