/* What the server says of its answers (app/answered.py) is handed on with the session of the page that asked.
 *
 * Everything that asks, Dash as well, uses the window's fetch. A background job's answers come with a later request of
 * the same job: its session is the one of the first.
 */
(function (root) {
  "use strict";

  const microtome = root.microtome;
  const HEADER = "X-Microtome-Answered";
  const MOST_JOBS = 200;
  const fetched = root.fetch.bind(root);
  const asked = new Map(); // job -> session of the page when it was first asked for

  const jobIn = (request) => {
    const found = /[?&]cacheKey=([^&]+)/.exec(typeof request === "string" ? request : (request || {}).url || "");
    return found && found[1];
  };

  function sessionOf(request) {
    const job = jobIn(request);
    if (job === null) return microtome.session();
    if (!asked.has(job)) asked.set(job, microtome.session());
    if (asked.size > MOST_JOBS) asked.delete(asked.keys().next().value);
    return asked.get(job);
  }

  microtome.heard = []; // of (session, [[digest, name, seconds or null, in_parts], …])

  root.fetch = async (...request) => {
    const session = sessionOf(request[0]);
    const answer = await fetched(...request);
    const told = answer.headers.get(HEADER);
    if (told && session) for (const hear of microtome.heard) hear(session, JSON.parse(told));
    return answer;
  };
})(window);
