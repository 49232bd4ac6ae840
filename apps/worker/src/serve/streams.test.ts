import { describe, expect, test } from 'vitest';
import { StreamBudget } from './streams.ts';

function budget(part: { streamsMax?: number } = {}): { budget: StreamBudget; clock: { now: number } } {
  const clock = { now: 0 };
  const limits = {
    streamsMax: part.streamsMax ?? 200,
    perDestinationMax: 20,
    unprovenMax: 5,
    freeShare: 8,
    reserved: 10,
    provenMax: 2,
    provenMs: 1000,
    bodiesInFlightBytesMax: 1000,
  };
  return { budget: new StreamBudget(limits, () => clock.now), clock };
}

describe('sharing streams out', () => {
  test('a destination that has not delivered lately gets few, one that has gets its full number', () => {
    const { budget: streams, clock } = budget();
    expect(streams.allowance('new.example', 0)).toBe(5);
    streams.proven('old.example');
    expect(streams.allowance('old.example', 10)).toBe(20);
    clock.now = 1001;
    expect(streams.allowance('old.example', 0)).toBe(5);
  });

  test('however many destinations never answer, one that has delivered lately finds its streams', () => {
    const { budget: streams } = budget({ streamsMax: 100 });
    streams.proven('fine.example');
    for (let destination = 0; destination < 200; destination += 1) {
      let used = 0;
      while (used < streams.allowance(`tarpit${destination}.example`, used)) {
        streams.enter();
        used += 1;
      }
    }
    expect(streams.free).toBe(10);
    expect(streams.allowance('one-more-tarpit.example', 0)).toBe(0);
    expect(streams.allowance('fine.example', 0)).toBeGreaterThanOrEqual(1);
  });

  test('bodies in flight above their limit stop new work until they are let go', () => {
    const { budget: streams } = budget();
    streams.holdBody(1000);
    expect(streams.free).toBe(0);
    streams.dropBody(1);
    expect(streams.free).toBe(200);
  });

  test('the memory of proven destinations is bounded: the oldest goes', () => {
    const { budget: streams } = budget();
    for (const name of ['a', 'b', 'c']) streams.proven(name);
    expect(streams.allowance('a', 0)).toBe(5);
    expect(streams.allowance('c', 10)).toBe(20);
  });
});
