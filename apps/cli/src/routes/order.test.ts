import type { CursorSnapshot, HostSnapshot } from '@mailwheel/rotation';
import type { Host, Tier } from '@mailwheel/routing';
import { expect, test } from 'vitest';
import { orderHosts, type OrderedHost } from './order.ts';

const nowMs = 100_000;

function host(key: string): Host {
  return { key, label: key, address: key, port: 25, policy: { tls: 'opportunistic' } };
}

function tier(key: string, ...keys: readonly string[]): Tier {
  return { key, hosts: keys.map(host) };
}

function snapshot(key: string, over: Partial<HostSnapshot>): HostSnapshot {
  return { key, label: key, state: 'healthy', epoch: 1, connections: 0, connectionsMax: 5, ...over };
}

function order(
  tiers: readonly Tier[],
  hosts: readonly HostSnapshot[] = [],
  cursors: readonly CursorSnapshot[] = [],
): OrderedHost[] {
  return orderHosts(tiers, { hosts, cursors, nowMs, aloneRestMs: 30_000 });
}

function asked(entries: readonly OrderedHost[]): string[] {
  return entries.filter((entry) => entry.place !== undefined).map((entry) => entry.host.key);
}

test('hosts nobody knows anything about are asked as written, tier by tier', () => {
  const entries = order([tier('x:0', 'a', 'b'), tier('x:1', 'c')]);
  expect(entries.map(({ host: { key }, tier: of, place }) => [key, of, place])).toEqual([
    ['a', 1, 1],
    ['b', 1, 2],
    ['c', 2, 3],
  ]);
});

test('the host with the fewest turns comes first, ties as written; who was away is not ahead of the others', () => {
  const cursor = (turns: Record<string, number>): CursorSnapshot[] => [
    { tierKey: 'x:0', turns: new Map(Object.entries(turns)) },
  ];
  expect(asked(order([tier('x:0', 'a', 'b')], [], cursor({ a: 8, b: 7 })))).toEqual(['b', 'a']);
  expect(asked(order([tier('x:0', 'a', 'b')], [], cursor({ a: 8, b: 8 })))).toEqual(['a', 'b']);
  // c was away for seven turns: it is raised to the floor (7) and ties with b, which is written first.
  expect(asked(order([tier('x:0', 'a', 'b', 'c')], [], cursor({ a: 8, b: 7, c: 1 })))).toEqual([
    'b',
    'c',
    'a',
  ]);
});

test('a resting host is not asked before its time, then it is probed first', () => {
  const resting = (untilMs: number): HostSnapshot[] => [
    snapshot('a', { state: 'unhealthy', untilMs, sinceMs: nowMs - 1 }),
  ];
  const entries = order([tier('x:0', 'a', 'b')], resting(nowMs + 5_000));
  expect(asked(entries)).toEqual(['b']);
  expect(entries.at(-1)).toMatchObject({ state: 'unhealthy', untilMs: nowMs + 5_000 });
  expect(asked(order([tier('x:0', 'a', 'b')], resting(nowMs)))).toEqual(['a', 'b']);
});

test('while no host is up a rest is cut short; a drained host is never asked', () => {
  const hosts = [
    snapshot('a', { state: 'unhealthy', untilMs: nowMs + 200_000, sinceMs: nowMs - 30_000 }),
    snapshot('b', { state: 'drained' }),
  ];
  expect(asked(order([tier('x:0', 'a', 'b')], hosts))).toEqual(['a']);
  expect(asked(order([tier('x:0', 'a', 'b', 'c')], hosts))).toEqual(['c']);
});
