/**
 * Health of a destination host, as values: what a pick may do with a host now, and what a report makes of it. The Redis
 * scripts of `rotation` apply the same moves atomically; a model test drives both with the same commands.
 *
 * States:
 *   healthy     takes traffic. May be suspect: one message met a soft failure there and nothing was accepted since.
 *   unhealthy   rests until `untilMs`; nobody touches it.
 *   probing     its rest is over and exactly one message, the holder of the lease, is asking it. A lease that nobody reports
 *               on (its worker died) is dead at `leaseUntilMs`, and the next pick may take it over.
 *   recovering  the probe succeeded: traffic is let in along a ramp of tokens, whose rate doubles with successes.
 *   drained     an operator took it out; nobody touches it.
 *
 * Legal moves (`e`: the epoch grows, so that reports on picks of an older epoch are stale):
 *   healthy    -> unhealthy (e) by `fail`, or by `soft` of a second message; -> healthy suspect by the first `soft`
 *   unhealthy  -> probing       when its rest is over, or sooner while no host at all is up
 *   probing    -> probing       another lease, when the first is dead
 *   probing    -> recovering (e) by `ok`;  -> unhealthy (e), resting twice as long, by `fail` or `soft`
 *   recovering -> healthy (e)   when the ramp is over;  -> unhealthy (e) by `fail` or `soft`
 * Draining and its end are an operator's moves from and to any state (e). Everything else is refused as stale.
 */
import type { HostHealthSettings } from './types.ts';

export interface HealthRules extends HostHealthSettings {
  /** A message that failed at a host is not its probe until this long after others could have been. */
  readonly shySeconds: number;
}

export type HostHealth =
  | { readonly state: 'healthy'; readonly epoch: number; readonly suspectMessage?: string }
  | {
      readonly state: 'unhealthy';
      readonly epoch: number;
      /** Nominal length of this rest; the next one doubles it. */
      readonly restMs: number;
      readonly sinceMs: number;
      readonly untilMs: number;
    }
  | {
      readonly state: 'probing';
      readonly epoch: number;
      readonly restMs: number;
      readonly sinceMs: number;
      readonly leaseId: string;
      readonly leaseUntilMs: number;
    }
  | {
      readonly state: 'recovering';
      readonly epoch: number;
      readonly restMs: number;
      readonly level: number;
      /** Successes at this level. */
      readonly successes: number;
      readonly tokens: number;
      readonly tokensAtMs: number;
    }
  | { readonly state: 'drained'; readonly epoch: number };

/** A host that nobody knows anything about. */
export const unknownHost: HostHealth = { state: 'healthy', epoch: 0 };

export interface HealthQuestion {
  readonly nowMs: number;
  /** This message failed at this host before. */
  readonly shy: boolean;
}

/** What a pick may do with a host. */
export type HealthAnswer =
  | { readonly kind: 'eligible'; readonly mode: 'go' | 'suspect' | 'ramp' }
  /** Its rest is over, or its probe's lease is dead: `leaseProbe` now. */
  | { readonly kind: 'probe' }
  | {
      readonly kind: 'wait';
      readonly why: 'ramp' | 'resting' | 'probed';
      /** When it is worth looking again, for this message or another one of its destination. */
      readonly retryAtMs: number;
      /** The same, and when this message may probe the host, if no host at all is up (a resting host only). */
      readonly alone?: { readonly retryAtMs: number; readonly probeAtMs: number };
    }
  | { readonly kind: 'drained' };

/** While a probe is under way somebody looks again after this long: its result is due any moment. */
export const probeLookMs = 1000;

/** Answers for one host; changes nothing. */
export function pickHealth(rules: HealthRules, health: HostHealth, question: HealthQuestion): HealthAnswer {
  const { nowMs } = question;
  const shyMs = question.shy ? rules.shySeconds * 1000 : 0;
  switch (health.state) {
    case 'healthy':
      return { kind: 'eligible', mode: health.suspectMessage === undefined ? 'go' : 'suspect' };
    case 'recovering': {
      const tokens = tokensNow(rules, health, nowMs);
      if (tokens >= 1) return { kind: 'eligible', mode: 'ramp' };
      const waitMs = ((1 - tokens) * 1000) / rampRate(rules, health.level);
      return { kind: 'wait', why: 'ramp', retryAtMs: nowMs + Math.ceil(waitMs) };
    }
    case 'probing': {
      const { leaseUntilMs } = health;
      if (leaseUntilMs + shyMs <= nowMs) return { kind: 'probe' };
      const retryAtMs = Math.min(lookAt(leaseUntilMs, shyMs, nowMs), nowMs + probeLookMs);
      return { kind: 'wait', why: 'probed', retryAtMs };
    }
    case 'unhealthy': {
      const { untilMs } = health;
      if (untilMs + shyMs <= nowMs) return { kind: 'probe' };
      const aloneMs = Math.min(untilMs, health.sinceMs + rules.aloneRestSeconds * 1000);
      return {
        kind: 'wait',
        why: 'resting',
        retryAtMs: lookAt(untilMs, shyMs, nowMs),
        alone: { retryAtMs: lookAt(aloneMs, shyMs, nowMs), probeAtMs: aloneMs + shyMs },
      };
    }
    case 'drained':
      return { kind: 'drained' };
  }
}

/** A shy message waits longer than others, but they are not to be held up by it: look when the first of them may go. */
function lookAt(dueAtMs: number, shyMs: number, nowMs: number): number {
  return dueAtMs > nowMs ? dueAtMs : dueAtMs + shyMs;
}

/** Gives the one probe of a host to an attempt. The host must rest, or hold a dead lease: the caller asked before. */
export function leaseProbe(
  rules: HealthRules,
  health: HostHealth,
  lease: { readonly id: string; readonly nowMs: number },
): HostHealth {
  const resting = health.state === 'unhealthy';
  const abandoned = health.state === 'probing' && health.leaseUntilMs <= lease.nowMs;
  assert(
    resting || abandoned,
    `only a resting host or a dead lease can be probed, this one is ${health.state}`,
  );
  return {
    state: 'probing',
    epoch: health.epoch,
    restMs: health.restMs,
    sinceMs: health.sinceMs,
    leaseId: lease.id,
    leaseUntilMs: lease.nowMs + rules.probeLeaseSeconds * 1000,
  };
}

/** Takes one token of the ramp. The caller was told `ramp` at this very moment. */
export function takeToken(rules: HealthRules, health: HostHealth, nowMs: number): HostHealth {
  assert(health.state === 'recovering', `only a recovering host has tokens, this one is ${health.state}`);
  const tokens = tokensNow(rules, health, nowMs);
  assert(tokens >= 1, 'a token is taken only where a whole one is');
  return { ...health, tokens: tokens - 1, tokensAtMs: nowMs };
}

export interface HealthReport {
  readonly epoch: number;
  readonly outcome: 'ok' | 'soft' | 'fail';
  readonly leaseId: string;
  readonly messageId: string;
}

export type HealthChange =
  | { readonly kind: 'stale' }
  | { readonly kind: 'applied'; readonly health: HostHealth };

/**
 * Applies what an attempt learned. `restFactor` spreads rests so that hosts which failed together are not probed together
 * (see `restFactor`). A report of another epoch, or of a lease that was taken over, changes nothing: eighty failures in
 * flight raise the rest once.
 */
export function reportHealth(
  rules: HealthRules,
  health: HostHealth,
  report: HealthReport,
  at: { readonly nowMs: number; readonly restFactor: number },
): HealthChange {
  if (report.epoch !== health.epoch) return { kind: 'stale' };
  switch (health.state) {
    case 'unhealthy':
    case 'drained':
      return { kind: 'stale' }; // no pick of this epoch can have named it
    case 'healthy':
      return applied(reportOnHealthy(rules, health, report, at));
    case 'probing':
      if (report.leaseId !== health.leaseId) return { kind: 'stale' };
      return applied(report.outcome === 'ok' ? recover(rules, health, at.nowMs) : rest(rules, health, at));
    case 'recovering':
      return applied(report.outcome === 'ok' ? climb(rules, health) : rest(rules, health, at));
  }
}

/** Factor of a rest for a uniform random number in [0, 1): 0.9 to 1.1 for a `restJitter` of 0.2. */
export function restFactor(rules: HostHealthSettings, random: number): number {
  return 1 + rules.restJitter * (random - 0.5);
}

/** Messages a second that a recovering host gets at a level. */
export function rampRate(rules: HostHealthSettings, level: number): number {
  return rules.rampStartPerSecond * 2 ** level;
}

function reportOnHealthy(
  rules: HealthRules,
  health: Extract<HostHealth, { state: 'healthy' }>,
  report: HealthReport,
  at: { readonly nowMs: number; readonly restFactor: number },
): HostHealth {
  const { suspectMessage } = health;
  switch (report.outcome) {
    case 'ok':
      return { state: 'healthy', epoch: health.epoch };
    case 'soft':
      if (suspectMessage === undefined || suspectMessage === report.messageId) {
        return { state: 'healthy', epoch: health.epoch, suspectMessage: report.messageId };
      }
      return rest(rules, { epoch: health.epoch, restMs: 0 }, at);
    case 'fail':
      return rest(rules, { epoch: health.epoch, restMs: 0 }, at);
  }
}

function rest(
  rules: HealthRules,
  before: { readonly epoch: number; readonly restMs: number },
  at: { readonly nowMs: number; readonly restFactor: number },
): HostHealth {
  const restMs =
    before.restMs === 0
      ? rules.firstRestSeconds * 1000
      : Math.min(2 * before.restMs, rules.longestRestSeconds * 1000);
  return {
    state: 'unhealthy',
    epoch: before.epoch + 1,
    restMs,
    sinceMs: at.nowMs,
    untilMs: at.nowMs + Math.floor(restMs * at.restFactor + 0.5),
  };
}

function recover(
  rules: HealthRules,
  health: { readonly epoch: number; readonly restMs: number },
  nowMs: number,
): HostHealth {
  return {
    state: 'recovering',
    epoch: health.epoch + 1,
    restMs: health.restMs,
    level: 0,
    successes: 0,
    tokens: tokensMax(rules, 0),
    tokensAtMs: nowMs,
  };
}

function climb(rules: HealthRules, health: Extract<HostHealth, { state: 'recovering' }>): HostHealth {
  const successes = health.successes + 1;
  if (successes < rampRate(rules, health.level)) return { ...health, successes };
  const level = health.level + 1;
  if (level >= rules.rampLevels) return { state: 'healthy', epoch: health.epoch + 1 };
  return { ...health, level, successes: 0 };
}

function tokensNow(
  rules: HealthRules,
  health: Extract<HostHealth, { state: 'recovering' }>,
  nowMs: number,
): number {
  const gained = ((nowMs - health.tokensAtMs) * rampRate(rules, health.level)) / 1000;
  return Math.min(tokensMax(rules, health.level), health.tokens + gained);
}

/** A quarter of a second's worth, at least one: what may go out at once after a pause. */
function tokensMax(rules: HealthRules, level: number): number {
  return Math.max(1, rampRate(rules, level) / 4);
}

function applied(health: HostHealth): HealthChange {
  return { kind: 'applied', health };
}

function assert(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Error(`host health: ${sentence}`);
}
