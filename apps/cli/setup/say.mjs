/** Progress, on one line each, so that it reads well in a log too. */
const startedMs = Date.now();

/** @param {string} text */
export function say(text) {
  console.log(`[setup ${((Date.now() - startedMs) / 1_000).toFixed(1).padStart(5)} s] ${text}`);
}

/**
 * Says `text` now, and that it still goes on every ten seconds until the returned function is called.
 * @param {string} text
 */
export function sayWhile(text) {
  say(`${text} ...`);
  const timer = setInterval(() => say(`${text}: still at it ...`), 10_000);
  return () => clearInterval(timer);
}
