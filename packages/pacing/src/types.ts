/** Retry schedule of a job and health machine of a host, as values. */

export interface RetrySettings {
  readonly firstWaitSeconds: number;
  readonly longestWaitSeconds: number;
  readonly maxAgeSeconds: number;
  readonly maxAttempts: number;
  /** Share of the wait that is random, 0..1. */
  readonly jitter: number;
}

/** Next step for recipients that were deferred. */
export type RetryDecision =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'expire'; readonly why: 'age' | 'attempts' };

export interface HostHealthSettings {
  readonly firstRestSeconds: number;
  readonly longestRestSeconds: number;
  /** While no host at all is up, a resting host may be probed after this long. */
  readonly aloneRestSeconds: number;
  /** Jitter factor range of a rest, e.g. 0.2: 0.9..1.1. */
  readonly restJitter: number;
  /** Messages a second a recovering host starts with. */
  readonly rampStartPerSecond: number;
  /** Doublings of the ramp until the host counts as healthy. */
  readonly rampLevels: number;
  /** A probe that nobody reports on is given up after this long. */
  readonly probeLeaseSeconds: number;
}

/** States of a host. Legal moves: see `health.ts`. Letters are what Redis holds. */
export const hostStates = {
  healthy: 'H',
  unhealthy: 'U',
  probing: 'P',
  recovering: 'R',
  drained: 'D',
} as const;
export type HostState = keyof typeof hostStates;
