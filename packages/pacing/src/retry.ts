/**
 * The retry schedule of a job: when the recipients that were deferred are tried again, and when that ends. One pure
 * function, so that the table in docs/retry.md and what happens are the same thing (RFC 5321 section 4.5.4.1).
 */
import type { RetryDecision, RetrySettings } from './types.ts';

export interface RetryRequest {
  /** Attempts that have ended, the one just made included: 1 after the first. */
  readonly attempt: number;
  /** Time since the message was accepted, by Redis's clock. */
  readonly ageMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** What the verdict asks for (greylisting): the next attempt is not earlier, whatever the schedule says. */
  readonly notBeforeSeconds?: number;
}

export interface RetryRow {
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Wait before it, without jitter. */
  readonly delayMs: number;
  /** Age of the message when it is made. */
  readonly totalMs: number;
}

/**
 * The next step for recipients that were deferred. The wait doubles from `firstWaitSeconds` to `longestWaitSeconds`; the
 * share `jitter` of it is random, so that messages deferred together do not come back together; it never exceeds the
 * nominal wait. A wait that would pass the end of the message's life is cut to end there: the last attempt is made at that
 * moment, and its failure is the expiry. Without that a message would linger up to `longestWaitSeconds` beyond its age.
 */
export function nextRetry(settings: RetrySettings, request: RetryRequest): RetryDecision {
  const leftMs = settings.maxAgeSeconds * 1000 - request.ageMs;
  if (leftMs <= 0) return { kind: 'expire', why: 'age' };
  if (request.attempt >= settings.maxAttempts) return { kind: 'expire', why: 'attempts' };
  const nominalMs = waitMs(settings, request.attempt);
  const jitteredMs = nominalMs * (1 - settings.jitter * request.random());
  const askedMs = Math.max(jitteredMs, (request.notBeforeSeconds ?? 0) * 1000);
  return { kind: 'retry', delayMs: Math.max(1, Math.ceil(Math.min(askedMs, leftMs))) };
}

/** Every attempt that a message of these settings can see, as long as all of them fail; without jitter. */
export function retryTable(settings: RetrySettings): RetryRow[] {
  const rows: RetryRow[] = [{ attempt: 1, delayMs: 0, totalMs: 0 }];
  for (let totalMs = 0; ;) {
    const request = { attempt: rows.length, ageMs: totalMs, random: () => 0 };
    const decision = nextRetry(settings, request);
    if (decision.kind === 'expire') return rows;
    totalMs += decision.delayMs;
    rows.push({ attempt: rows.length + 1, delayMs: decision.delayMs, totalMs });
  }
}

/** Wait after the n-th attempt. The exponent is bounded: 2 ** 1024 would be Infinity, and 0 seconds times that NaN. */
function waitMs(settings: RetrySettings, attempt: number): number {
  const doublings = Math.min(Math.max(0, attempt - 1), 52);
  return Math.min(settings.firstWaitSeconds * 2 ** doublings, settings.longestWaitSeconds) * 1000;
}
