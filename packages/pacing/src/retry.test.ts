import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nextRetry, retryTable } from './retry.ts';
import type { RetrySettings } from './types.ts';

const defaults: RetrySettings = {
  firstWaitSeconds: 60,
  longestWaitSeconds: 3600,
  maxAgeSeconds: 259_200,
  maxAttempts: 100,
  jitter: 0.1,
};
const exact = { ageMs: 0, random: () => 0 };

function delay(settings: RetrySettings, request: Parameters<typeof nextRetry>[1]): number {
  const decision = nextRetry(settings, request);
  if (decision.kind !== 'retry') throw new Error(`expired by ${decision.why}`);
  return decision.delayMs;
}

describe('nextRetry', () => {
  it('doubles from the first wait to the longest', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 99].map(
      (attempt) => delay(defaults, { ...exact, attempt }) / 1000,
    );
    expect(waits).toEqual([60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
  });

  it('makes the share `jitter` of the wait random, and never waits longer than the nominal wait', () => {
    expect(delay(defaults, { attempt: 1, ageMs: 0, random: () => 0.5 })).toBe(57_000);
    expect(delay(defaults, { attempt: 1, ageMs: 0, random: () => 0.999_999 })).toBe(54_001);
    expect(delay({ ...defaults, jitter: 0 }, { attempt: 1, ageMs: 0, random: () => 0.9 })).toBe(60_000);
  });

  it('does not try earlier than the verdict asks, jitter or not', () => {
    expect(delay(defaults, { attempt: 1, ageMs: 0, random: () => 0.9, notBeforeSeconds: 60 })).toBe(60_000);
    expect(delay(defaults, { ...exact, attempt: 4, notBeforeSeconds: 60 })).toBe(480_000);
  });

  it('places the last attempt at the moment of expiry, then expires', () => {
    const ageMs = 259_200_000 - 1_500;
    expect(delay(defaults, { ...exact, attempt: 20, ageMs })).toBe(1_500);
    expect(delay(defaults, { ...exact, attempt: 20, ageMs, notBeforeSeconds: 60 })).toBe(1_500);
    expect(nextRetry(defaults, { ...exact, attempt: 21, ageMs: 259_200_000 })).toEqual({
      kind: 'expire',
      why: 'age',
    });
  });

  it('ends with the attempts', () => {
    expect(delay(defaults, { ...exact, attempt: 99 })).toBe(3_600_000);
    expect(nextRetry(defaults, { ...exact, attempt: 100 })).toEqual({ kind: 'expire', why: 'attempts' });
  });

  it('is never zero, never fractional, and survives absurd settings', () => {
    expect(delay({ ...defaults, firstWaitSeconds: 0, maxAttempts: 1e9 }, { ...exact, attempt: 5000 })).toBe(
      1,
    );
    expect(delay({ ...defaults, maxAttempts: 1e9 }, { ...exact, attempt: 5000 })).toBe(3_600_000);
    expect(delay(defaults, { ...exact, attempt: 1, ageMs: 259_199_999.5 })).toBe(1);
  });
});

describe('retryTable', () => {
  it('lists every attempt of a message that always fails, the last one at its expiry', () => {
    const rows = retryTable(defaults);
    expect(rows.slice(0, 3)).toEqual([
      { attempt: 1, delayMs: 0, totalMs: 0 },
      { attempt: 2, delayMs: 60_000, totalMs: 60_000 },
      { attempt: 3, delayMs: 120_000, totalMs: 180_000 },
    ]);
    expect(rows.at(-1)?.totalMs).toBe(259_200_000);
    expect(rows.length).toBeLessThanOrEqual(100);
  });

  it('stops at the number of attempts', () => {
    expect(retryTable({ ...defaults, maxAttempts: 3 }).map((row) => row.attempt)).toEqual([1, 2, 3]);
  });

  it('is what docs/retry.md shows for the default settings', () => {
    const page = readFileSync(new URL('../../../docs/retry.md', import.meta.url), 'utf8');
    const shown = [...page.matchAll(/^\| (\d+) \| (\d+) s \| (\d+) s \|/gmu)].map((match) =>
      match.slice(1, 4).map(Number),
    );
    const inForce = retryTable(defaults).map((row) => [row.attempt, row.delayMs / 1000, row.totalMs / 1000]);
    expect(shown).toEqual([...inForce.slice(0, 10), ...inForce.slice(-2)]);
  });
});
