/** What a rotation is made with, and what follows from it. */
import type { HostHealthSettings } from '@mailwheel/pacing';
import type { Cluster, Redis } from 'ioredis';

export interface RotationOptions {
  /** The caller's connection; rotation opens none and closes none. */
  readonly client: Redis | Cluster;
  readonly health: HostHealthSettings;
  readonly shySeconds: number;
  /** Most connections of the whole tier to one host, where its policy names no number of its own. */
  readonly connectionsPerHostMax: number;
  /** Limit of a host without a success within `provenSeconds`; it doubles as successes come in. */
  readonly initialConnections: number;
  readonly provenSeconds: number;
  /** What costs a turn: every message, or every connection that must be opened. */
  readonly rotate: 'message' | 'connection';
  /** A connection whose process neither closed nor renewed it counts no longer than this. */
  readonly connectionLeaseSeconds: number;
  /** State of hosts and cursors that nobody uses is forgotten after this long. Default 86,400 (a day). */
  readonly forgetSeconds?: number;
  /** Destinations that may wait for one host. Beyond it they look again by themselves. Default 100,000. */
  readonly waitersPerHostMax?: number;
  /**
   * Destinations that wait for the same host look again this far apart, in the order in which they came, so that not all of
   * them look when its rest ends; never more than `aloneRestSeconds` later in all. Default 20.
   */
  readonly waiterSpreadMs?: number;
  /** Hosts and cursors that the console can see; those used last are kept. Default 10,000 and 1,000. */
  readonly knownHostsMax?: number;
  readonly knownCursorsMax?: number;
  /** Successes of a host are passed on at most this often. Default 100. */
  readonly successPaceMs?: number;
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
  /** Milliseconds, monotonic. Default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** Replaces Redis's clock in every script (ms). For tests only: production has one clock, Redis's. */
  readonly clock?: () => number;
}

/** Options with defaults filled in and times in milliseconds. */
export interface RotationRules {
  readonly firstRestMs: number;
  readonly longestRestMs: number;
  readonly aloneRestMs: number;
  readonly probeLeaseMs: number;
  readonly shyMs: number;
  readonly forgetMs: number;
  readonly provenMs: number;
  readonly connectionLeaseMs: number;
  readonly rampStartPerSecond: number;
  readonly rampLevels: number;
  readonly connectionsPerHostMax: number;
  readonly initialConnections: number;
  readonly waitersPerHostMax: number;
  readonly waiterSpreadMs: number;
  readonly knownHostsMax: number;
  readonly knownCursorsMax: number;
  readonly successPaceMs: number;
}

/** Resolves options; throws when limits contradict one another. */
export function rotationRules(options: RotationOptions): RotationRules {
  const { health } = options;
  const rules: RotationRules = {
    firstRestMs: health.firstRestSeconds * 1000,
    longestRestMs: health.longestRestSeconds * 1000,
    aloneRestMs: health.aloneRestSeconds * 1000,
    probeLeaseMs: health.probeLeaseSeconds * 1000,
    shyMs: options.shySeconds * 1000,
    forgetMs: (options.forgetSeconds ?? 86_400) * 1000,
    provenMs: options.provenSeconds * 1000,
    connectionLeaseMs: options.connectionLeaseSeconds * 1000,
    rampStartPerSecond: health.rampStartPerSecond,
    rampLevels: health.rampLevels,
    connectionsPerHostMax: options.connectionsPerHostMax,
    initialConnections: options.initialConnections,
    waitersPerHostMax: options.waitersPerHostMax ?? 100_000,
    waiterSpreadMs: options.waiterSpreadMs ?? 20,
    knownHostsMax: options.knownHostsMax ?? 10_000,
    knownCursorsMax: options.knownCursorsMax ?? 1000,
    successPaceMs: options.successPaceMs ?? 100,
  };
  must(
    health.rampStartPerSecond > 0,
    'hostHealth.rampStartPerSecond must be above 0, or no host ever recovers',
  );
  must(
    rules.firstRestMs > 0,
    'hostHealth.firstRestSeconds must be above 0, or a failing host is never left alone',
  );
  must(
    rules.firstRestMs <= rules.longestRestMs,
    'hostHealth.firstRestSeconds must not exceed hostHealth.longestRestSeconds',
  );
  must(
    rules.forgetMs > 2 * (rules.longestRestMs + rules.probeLeaseMs),
    'forgetSeconds must be more than twice hostHealth.longestRestSeconds and probeLeaseSeconds together, or a host that rests is forgotten',
  );
  must(options.initialConnections >= 1, 'delivery.initialConnections must be at least 1');
  must(options.connectionsPerHostMax >= 1, 'delivery.connectionsPerHostMax must be at least 1');
  must(rules.connectionLeaseMs > 0, 'the lease of a connection must be above 0 seconds');
  return rules;
}

function must(holds: boolean, sentence: string): void {
  if (!holds) throw new RangeError(`rotation: ${sentence}`);
}
