/** A clock to pass in: time stands still until the test moves it. */

export interface FakeClock {
  /** Milliseconds; starts at `startMs`. */
  readonly now: () => number;
  /** Moves on, and runs what became due, in order of its time. */
  advance(ms: number): void;
  /** Runs `callback` once `ms` have passed; the returned function takes it back. */
  after(ms: number, callback: () => void): () => void;
  /** Resolves once `ms` have passed. */
  sleep(ms: number): Promise<void>;
}

/** A clock that stands at `startMs` (default: an arbitrary moment in 2026, so that it passes for an epoch time). */
export function createFakeClock(startMs = 1_780_000_000_000): FakeClock {
  let nowMs = startMs;
  let waiting: { readonly atMs: number; readonly callback: () => void }[] = [];
  const after = (ms: number, callback: () => void): (() => void) => {
    const entry = { atMs: nowMs + ms, callback };
    waiting.push(entry);
    return () => {
      waiting = waiting.filter((other) => other !== entry);
    };
  };
  return {
    now: () => nowMs,
    advance: (ms) => {
      const target = nowMs + ms;
      for (;;) {
        const due = waiting.filter((entry) => entry.atMs <= target).sort((a, b) => a.atMs - b.atMs)[0];
        if (due === undefined) break;
        waiting = waiting.filter((entry) => entry !== due);
        nowMs = Math.max(nowMs, due.atMs);
        due.callback();
      }
      nowMs = target;
    },
    after,
    sleep: (ms) =>
      new Promise((resolve) => {
        after(ms, resolve);
      }),
  };
}
