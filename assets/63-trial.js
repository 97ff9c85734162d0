/* One trial at a time: the server cannot see that a question is out of date and would go on computing it, so that of the
 * questions that come while one is on its way only the newest is asked, once the answer before it has come. Pure.
 */
(function (root) {
  "use strict";

  const SILENT = { problem: "The server does not answer; try again.", again: true };
  const FAILED = { problem: "The server failed; see its log, then try again.", again: true };

  /** What came back, as {before, after} or {problem in words, again: whether asking once more can help}. */
  async function answerOf(found) {
    if (found.status >= 500) return FAILED;
    return found.ok ? found.json() : { problem: await found.text() };
  }

  /** send: question -> promise of a response; tell: called when there is another answer or none.
   * ask(question), sent after `pause` ms; null asks nothing. again(): once more, where that can help. now(): {asked,
   * answer}; the answer is of what is asked, or null. */
  function newestOf(send, tell, pause = 0) {
    let asked = null;
    let answer = null;
    let flying = false;
    let timer = 0;

    async function fly() {
      timer = 0;
      if (flying || asked === null || answer) return;
      flying = true;
      const sent = asked;
      const found = await send(sent).then(answerOf).catch(() => SILENT);
      flying = false;
      if (sent === asked) {
        answer = found;
        tell();
      } else if (!timer) fly();
    }

    function set(question) {
      asked = question;
      answer = null;
      clearTimeout(timer);
      timer = question === null ? 0 : setTimeout(fly, pause);
      tell();
    }

    const ask = (question) => (question === asked ? tell() : set(question));
    const again = () => answer && answer.again && set(asked);

    return { ask, again, now: () => ({ asked, answer }) };
  }

  root.microtome = root.microtome || {};
  root.microtome.newestOf = newestOf;
  if (typeof module !== "undefined") module.exports = { newestOf };
})(typeof window === "undefined" ? globalThis : window);
