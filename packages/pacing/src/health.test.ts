import { describe, expect, it } from 'vitest';
import {
  leaseProbe,
  pickHealth,
  rampRate,
  reportHealth,
  restFactor,
  takeToken,
  unknownHost,
  type HealthReport,
  type HealthRules,
  type HostHealth,
} from './health.ts';

const rules: HealthRules = {
  firstRestSeconds: 15,
  longestRestSeconds: 50,
  aloneRestSeconds: 10,
  restJitter: 0.2,
  rampStartPerSecond: 5,
  rampLevels: 3,
  probeLeaseSeconds: 60,
  shySeconds: 5,
};
const at = (nowMs: number) => ({ nowMs, restFactor: 1 });
const bold = (nowMs: number) => ({ nowMs, shy: false });

function report(
  health: HostHealth,
  outcome: HealthReport['outcome'],
  more: Partial<HealthReport> = {},
): HealthReport {
  return { epoch: health.epoch, outcome, leaseId: 'lease', messageId: 'm1', ...more };
}
function after(health: HostHealth, one: HealthReport, nowMs: number): HostHealth {
  const change = reportHealth(rules, health, one, at(nowMs));
  if (change.kind === 'stale') throw new Error('stale');
  return change.health;
}
const down = after(unknownHost, report(unknownHost, 'fail'), 1000);
const probing = leaseProbe(rules, down, { id: 'lease', nowMs: 16_000 });
const back = after(probing, report(probing, 'ok'), 17_000);

describe('a healthy host', () => {
  it('is eligible, and rests at once when it fails', () => {
    expect(pickHealth(rules, unknownHost, bold(0))).toEqual({ kind: 'eligible', mode: 'go' });
    expect(down).toEqual({ state: 'unhealthy', epoch: 1, restMs: 15_000, sinceMs: 1000, untilMs: 16_000 });
  });

  it('is made suspect by soft failures of one message, however many, and is not set aside by them', () => {
    let health: HostHealth = unknownHost;
    for (let times = 0; times < 10; times += 1) health = after(health, report(health, 'soft'), times);
    expect(health).toEqual({ state: 'healthy', epoch: 0, suspectMessage: 'm1' });
    expect(pickHealth(rules, health, bold(0))).toEqual({ kind: 'eligible', mode: 'suspect' });
  });

  it('rests when a second, different message meets a soft failure with no acceptance in between', () => {
    const suspect = after(unknownHost, report(unknownHost, 'soft'), 0);
    expect(after(suspect, report(suspect, 'soft', { messageId: 'm2' }), 0).state).toBe('unhealthy');
    const cleared = after(suspect, report(suspect, 'ok'), 0);
    expect(cleared).toEqual({ state: 'healthy', epoch: 0 });
    expect(after(cleared, report(cleared, 'soft', { messageId: 'm2' }), 0).state).toBe('healthy');
  });
});

describe('a resting host', () => {
  it('is left alone until its rest is over, then is to be probed', () => {
    expect(pickHealth(rules, down, bold(15_999)).kind).toBe('wait');
    expect(pickHealth(rules, down, bold(5_000))).toEqual({
      kind: 'wait',
      why: 'resting',
      retryAtMs: 16_000,
      alone: { retryAtMs: 11_000, probeAtMs: 11_000 },
    });
    expect(pickHealth(rules, down, bold(16_000))).toEqual({ kind: 'probe' });
  });

  it('is not probed by a message that failed there until others had their chance', () => {
    const shy = { nowMs: 5_000, shy: true };
    expect(pickHealth(rules, down, shy)).toMatchObject({
      retryAtMs: 16_000, // for the others
      alone: { retryAtMs: 11_000, probeAtMs: 16_000 },
    });
    expect(pickHealth(rules, down, { ...shy, nowMs: 16_000 })).toMatchObject({
      kind: 'wait',
      retryAtMs: 21_000,
    });
    expect(pickHealth(rules, down, { ...shy, nowMs: 21_000 })).toEqual({ kind: 'probe' });
  });

  it('takes no notice of failures that were in flight when it fell', () => {
    for (let times = 0; times < 80; times += 1) {
      expect(reportHealth(rules, down, report(unknownHost, 'fail'), at(1001))).toEqual({ kind: 'stale' });
    }
  });

  it('doubles its rest with each failed probe, up to the longest', () => {
    const rests: number[] = [];
    let health: HostHealth = down;
    for (let times = 0; times < 4; times += 1) {
      if (health.state !== 'unhealthy') throw new Error(health.state);
      rests.push(health.restMs);
      const leased = leaseProbe(rules, health, { id: 'lease', nowMs: health.untilMs });
      health = after(leased, report(leased, times % 2 === 0 ? 'fail' : 'soft'), health.untilMs + 1);
    }
    expect(rests).toEqual([15_000, 30_000, 50_000, 50_000]);
  });

  it('spreads rests by the jitter', () => {
    expect(restFactor(rules, 0)).toBe(0.9);
    expect(restFactor(rules, 0.5)).toBe(1);
    const change = reportHealth(rules, unknownHost, report(unknownHost, 'fail'), {
      nowMs: 0,
      restFactor: 1.1,
    });
    expect(change).toMatchObject({ health: { untilMs: 16_500, restMs: 15_000 } });
  });
});

describe('a probe', () => {
  it('is one: the others look again within a second', () => {
    expect(pickHealth(rules, probing, bold(16_500))).toEqual({
      kind: 'wait',
      why: 'probed',
      retryAtMs: 17_500,
    });
    expect(() => leaseProbe(rules, probing, { id: 'other', nowMs: 16_500 })).toThrow('dead lease');
    expect(() => leaseProbe(rules, unknownHost, { id: 'other', nowMs: 0 })).toThrow('this one is healthy');
  });

  it('whose owner died is taken over, and the dead owner has no say', () => {
    expect(pickHealth(rules, probing, bold(75_999))).toMatchObject({ kind: 'wait', retryAtMs: 76_000 });
    expect(pickHealth(rules, probing, bold(76_000))).toEqual({ kind: 'probe' });
    const second = leaseProbe(rules, probing, { id: 'other', nowMs: 76_000 });
    expect(reportHealth(rules, second, report(probing, 'ok'), at(76_001))).toEqual({ kind: 'stale' });
    expect(after(second, report(second, 'ok', { leaseId: 'other' }), 76_001).state).toBe('recovering');
  });
});

describe('a recovering host', () => {
  it('gets messages along the ramp and no more', () => {
    let health = back;
    const picks: number[] = [];
    for (let nowMs = 17_000; nowMs < 27_000; nowMs += 10) {
      if (pickHealth(rules, health, bold(nowMs)).kind !== 'eligible') continue;
      health = takeToken(rules, health, nowMs);
      picks.push(nowMs);
    }
    expect(picks.length).toBeGreaterThanOrEqual(49);
    expect(picks.length).toBeLessThanOrEqual(51);
    expect(Math.min(...picks.slice(1).map((ms, index) => ms - (picks[index] ?? 0)))).toBeGreaterThanOrEqual(
      150,
    );
  });

  it('says when the next token is there', () => {
    const spent = takeToken(rules, back, 17_000);
    const answer = pickHealth(rules, spent, bold(17_000));
    if (answer.kind !== 'wait') throw new Error(answer.kind);
    expect(answer.why).toBe('ramp');
    expect(pickHealth(rules, spent, bold(answer.retryAtMs - 1)).kind).toBe('wait');
    expect(pickHealth(rules, spent, bold(answer.retryAtMs)).kind).toBe('eligible');
    expect(() => takeToken(rules, spent, 17_000)).toThrow('whole one');
  });

  it('climbs with successes and is healthy past the top, remembering nothing', () => {
    let health = back;
    let successes = 0;
    const rates: number[] = [];
    while (health.state === 'recovering') {
      rates[health.level] = rampRate(rules, health.level);
      health = after(health, report(health, 'ok'), 18_000);
      successes += 1;
    }
    expect(rates).toEqual([5, 10, 20]);
    expect(successes).toBe(35);
    expect(health).toEqual({ state: 'healthy', epoch: 3 });
  });

  it('that fails again rests twice as long, also for a soft failure', () => {
    expect(after(back, report(back, 'fail'), 18_000)).toMatchObject({
      state: 'unhealthy',
      restMs: 30_000,
      epoch: 3,
    });
    expect(after(back, report(back, 'soft'), 18_000)).toMatchObject({
      state: 'unhealthy',
      restMs: 30_000,
      epoch: 3,
    });
  });
});

it('a drained host is nobody’s, and no report moves it', () => {
  const drained: HostHealth = { state: 'drained', epoch: 4 };
  expect(pickHealth(rules, drained, bold(0))).toEqual({ kind: 'drained' });
  expect(reportHealth(rules, drained, report(drained, 'ok'), at(0))).toEqual({ kind: 'stale' });
});
