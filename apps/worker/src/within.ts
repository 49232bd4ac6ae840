/** Waiting that a stop can afford. */

export interface Patience {
  readonly limitMs: number;
  /** Aborted by a second signal. */
  readonly hasten: AbortSignal;
  /** What is left of `limitMs` from then on. */
  readonly hastenedMs: number;
}

/** True when `work` ended in time; false: it goes on, and nobody waits for it any more. */
export async function within(work: Promise<unknown>, patience: Patience): Promise<boolean> {
  const { limitMs, hasten, hastenedMs } = patience;
  const timers: NodeJS.Timeout[] = [];
  const late = new Promise<false>((resolve) => {
    const after = (ms: number): void => void timers.push(setTimeout(() => resolve(false), ms));
    after(limitMs);
    if (hasten.aborted) after(hastenedMs);
    else hasten.addEventListener('abort', () => after(hastenedMs), { once: true });
  });
  try {
    return await Promise.race([work.then(() => true as const), late]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}
