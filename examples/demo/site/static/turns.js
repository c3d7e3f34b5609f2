// What needs the server, one thing at a time. A reply to an old session's request clears the cookies; if it came after a
// login's, it would clear those of the new session. So a click waits for the poll that is on its way, in other tabs, too.

const listeners = new Set();
let last = Promise.resolve();

/** Calls back after each turn, with whether the server has answered. */
export function onAttempt(callback) {
  listeners.add(callback);
}

/** Does something that needs the server when it is its turn. */
export function attempt(work) {
  const answered = async () => {
    try {
      await work();
      return true;
    } catch {
      return false;
    }
  };
  // A page that is no secure context has no locks, and minds its own requests alone.
  const turn = () => (navigator.locks ? navigator.locks.request("demo-turn", answered) : answered());
  last = last.then(turn, turn).then((hasAnswered) => {
    for (const callback of listeners) callback(hasAnswered);
  });
  return last;
}
