/* Typed queries over heads, `induction > 0.4 and direct < 0`: parsed, checked and evaluated; pure.
 *
 *   query = any of `and`, `or`, `not`, parentheses around comparisons (< <= > >= = !=, also chained: 0 < x < 1) of sums
 *   and products of numbers, names, abs(...). Names are the numbers of heads, and `layer` and `head` themselves.
 *
 * Every refusal is {at, text}: where in the text, what was expected, and for a name which ones there are. A head whose
 * number is not computed matches no comparison.
 */
(function (root) {
  "use strict";

  const TOKEN = /\s*(?:(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)|([A-Za-z_]\w*)|(<=|>=|==|!=|[<>=()+\-*/−≤≥≠]))/iy;
  const SAME = { "==": "=", "−": "-", "≤": "<=", "≥": ">=", "≠": "!=" };
  const COMPARE = {
    "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
    "=": (a, b) => a === b, "!=": (a, b) => a !== b && !Number.isNaN(a) && !Number.isNaN(b),
  };
  const ARITHMETIC = { "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b };
  const WORDS = ["and", "or", "not", "abs"];
  const PLACES = ["layer", "head"];

  class Refusal extends Error {
    constructor(at, text) {
      super(text);
      this.at = at;
    }
  }

  // ---- words ---------------------------------------------------------------------------------------------------

  function tokens(text) {
    const found = [];
    TOKEN.lastIndex = 0;
    const end = text.trimEnd().length;
    for (let at = 0; at < end; at = TOKEN.lastIndex) {
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(text);
      if (!match) {
        const start = at + /^\s*/.exec(text.slice(at))[0].length;
        throw new Refusal(start, `“${text[start]}” means nothing here; use names, numbers, < > = and parentheses`);
      }
      const [whole, number, name, sign] = match;
      const kind = number ? "number" : name ? "name" : "sign";
      const said = number || name || SAME[sign] || sign;
      found.push({ kind, said, at: TOKEN.lastIndex - whole.trimStart().length });
    }
    return [...found, { kind: "end", said: "", at: text.length }];
  }

  // ---- grammar -------------------------------------------------------------------------------------------------

  /** Text -> tree: [operator, ...operands], numbers {value}, names {name, at}. `names` are those that exist. */
  function parse(text, names) {
    const list = tokens(text);
    let next = 0;
    const here = () => list[next];
    const isWord = (word) => here().kind === "name" && here().said.toLowerCase() === word;
    const isSign = (...signs) => here().kind === "sign" && signs.includes(here().said);
    const take = () => list[next++];
    const quoted = ({ kind, said }) => (kind === "end" ? "the end" : `“${said}”`);
    const refuse = (expected, token = here()) => {
      throw new Refusal(token.at, `${quoted(token)} where ${expected} was expected`);
    };

    function chain(word, part) {
      const parts = [part()];
      while (isWord(word)) {
        take();
        parts.push(part());
      }
      return parts.length > 1 ? [word, ...parts] : parts[0];
    }
    const either = () => chain("or", both);
    const both = () => chain("and", negated);

    function negated() {
      if (!isWord("not")) return comparison();
      take();
      return ["not", negated()];
    }

    /** A parenthesis may hold a condition or a number: only what follows tells. */
    function comparison() {
      const begun = next;
      if (isSign("(")) {
        const condition = attempt(() => closed(either));
        if (condition && !isSign(...Object.keys(COMPARE), ...Object.keys(ARITHMETIC))) return condition;
        next = begun;
      }
      return compared();
    }

    function attempt(part) {
      const begun = next;
      try {
        return part();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (conditionInside(begun)) throw error;
        next = begun;
        return null;
      }
    }

    /** Whether the parenthesis that begins here holds a comparison, so that it can be no number. */
    function conditionInside(begun) {
      let depth = 0;
      for (const { kind, said } of list.slice(begun)) {
        if (kind === "sign" && said === "(") depth += 1;
        if (kind === "sign" && said === ")") depth -= 1;
        if (kind === "sign" && said in COMPARE) return true;
        if (!depth) return false;
      }
      return false;
    }

    function compared() {
      const pairs = [];
      let left = sum();
      if (!isSign(...Object.keys(COMPARE))) refuse("a comparison (<, >, =)");
      while (isSign(...Object.keys(COMPARE))) {
        const sign = take().said;
        const right = sum();
        pairs.push([sign, left, right]);
        left = right;
      }
      return pairs.length > 1 ? ["and", ...pairs] : pairs[0];
    }

    function closed(part) {
      take();
      const inside = part();
      if (!isSign(")")) refuse("a closing parenthesis");
      take();
      return inside;
    }

    function leftwards(signs, part) {
      let left = part();
      while (isSign(...signs)) left = [take().said, left, part()];
      return left;
    }
    const sum = () => leftwards(["+", "-"], product);
    const product = () => leftwards(["*", "/"], signed);

    function signed() {
      if (!isSign("-", "+")) return atom();
      return take().said === "-" ? ["-", { value: 0 }, signed()] : signed();
    }

    function atom() {
      if (here().kind === "number") return { value: Number(take().said) };
      if (isSign("(")) return closed(sum);
      if (here().kind !== "name" || ["and", "or", "not"].includes(here().said.toLowerCase())) {
        refuse("a name or a number");
      }
      const { said, at } = take();
      if (said.toLowerCase() === "abs") return isSign("(") ? ["abs", closed(sum)] : refuse("“(” after abs");
      const known = [...PLACES, ...names].find((name) => name === said.toLowerCase());
      if (known) return { name: known, at };
      throw new Refusal(at, `there is no “${said}”${meant(said, names)}; there are ${[...PLACES, ...names].join(", ")}`);
    }

    const tree = either();
    if (here().kind !== "end") refuse("and, or, or the end");
    return tree;
  }

  /** `, did you mean induction`: names that begin alike or hold what was typed. */
  function meant(said, names) {
    const typed = said.toLowerCase();
    const near = names.filter((name) => name.includes(typed) || name.startsWith(typed.slice(0, 3)));
    return near.length && typed.length > 1 ? `, did you mean ${near.slice(0, 3).join(" or ")}` : "";
  }

  // ---- evaluation ----------------------------------------------------------------------------------------------

  function namesIn(tree) {
    if (!Array.isArray(tree)) return tree.name && !PLACES.includes(tree.name) ? [tree.name] : [];
    return [...new Set(tree.slice(1).flatMap(namesIn))];
  }

  function value(tree, read) {
    if (!Array.isArray(tree)) return tree.name ? read(tree.name) : tree.value;
    const [operator, ...parts] = tree;
    if (operator === "and") return parts.every((part) => value(part, read));
    if (operator === "or") return parts.some((part) => value(part, read));
    if (operator === "not") return !value(parts[0], read);
    if (operator === "abs") return Math.abs(value(parts[0], read));
    return (COMPARE[operator] || ARITHMETIC[operator])(...parts.map((part) => value(part, read)));
  }

  /** Heads for which the tree holds. `numbers`: name -> values [layer head] of `shape`. Heads that lack one of them
   * match nothing, `not` included. */
  function matching(tree, numbers, [layers, heads]) {
    const names = namesIn(tree);
    const found = [];
    for (let at = 0; at < layers * heads; at += 1) {
      const place = { layer: Math.floor(at / heads), head: at % heads };
      const read = (name) => (name in place ? place[name] : numbers[name][at]);
      if (names.every((name) => !Number.isNaN(numbers[name][at])) && value(tree, read)) found.push(place);
    }
    return found;
  }

  // ---- completion ----------------------------------------------------------------------------------------------

  /** What the word at the cursor may become: {from, to, options}; those that begin with it before those that hold it, and
   * those that the page calls something with it: `labels`, from names to what is offered elsewhere. */
  function completion(text, cursor, names, labels = {}) {
    const before = /[A-Za-z_]\w*$/.exec(text.slice(0, cursor));
    if (!before) return { from: cursor, to: cursor, options: [] };
    const after = /^\w*/.exec(text.slice(cursor))[0];
    const typed = before[0].toLowerCase();
    const all = [...names, ...PLACES, ...WORDS];
    const begins = all.filter((name) => name.startsWith(typed));
    const holds = all.filter((name) => !name.startsWith(typed) && name.includes(typed));
    const called = all.filter((name) => (labels[name] || "").toLowerCase().includes(typed));
    const options = [...new Set([...begins, ...holds, ...called])].filter((name) => name !== typed);
    return { from: before.index, to: cursor + after.length, options };
  }

  root.microtome = root.microtome || {};
  root.microtome.headQuery = { Refusal, parse, namesIn, matching, completion };
  if (typeof module !== "undefined") module.exports = root.microtome.headQuery;
})(typeof window === "undefined" ? globalThis : window);
