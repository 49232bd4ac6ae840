/**
 * What cannot be written because Redis is away is held and sent first when it answers (design section 6, step 5): the
 * stream that holds it takes no new job until then. Writing is repeated because every write here is idempotent: `record`
 * keeps the first final result, and a move that already happened is refused.
 */
export interface PersistOptions {
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Answers of Redis that refuse the write for another reason than being away or full, before it is given up. */
  readonly refusalsMax: number;
  readonly wait: (ms: number) => Promise<void>;
  /** False ends the repetition: the process is past its drain limit. */
  readonly mayGoOn: () => boolean;
  readonly onHeld: (cause: unknown) => void;
}

/**
 * Repeats `write` until it succeeds. Rethrows the last failure when the process may not go on, or when Redis goes on
 * refusing: then the job's lock runs out and another worker looks at it afresh.
 */
export async function persist<T>(options: PersistOptions, write: () => Promise<T>): Promise<T> {
  let waitMs = options.firstWaitMs;
  let refusals = 0;
  for (;;) {
    try {
      return await write();
    } catch (cause) {
      options.onHeld(cause);
      if (isRefusal(cause)) refusals += 1;
      if (!options.mayGoOn() || refusals >= options.refusalsMax) throw cause;
      await options.wait(waitMs);
      waitMs = Math.min(options.longestWaitMs, waitMs * 2);
    }
  }
}

function isRefusal(cause: unknown): boolean {
  return cause instanceof Error && 'reason' in cause && cause.reason === 'refused';
}
