/**
 * In which order an attempt would ask the hosts of a plan if it began now: what `pick` (packages/rotation) would answer,
 * asked again and again with the hosts it named as already tried. From snapshots, so nothing is taken or leased.
 */
import { nextInTurn, type HostState } from '@mailwheel/pacing';
import type { CursorSnapshot, HostSnapshot } from '@mailwheel/rotation';
import type { Host, Tier } from '@mailwheel/routing';

export interface OrderedHost {
  readonly host: Host;
  /** 1-based tier. */
  readonly tier: number;
  /** 1-based place in the order; undefined: it would not be asked now. */
  readonly place?: number;
  readonly state: HostState;
  readonly turns: number;
  readonly untilMs?: number;
  readonly lastReply?: string;
}

export interface HostKnowledge {
  readonly hosts: readonly HostSnapshot[];
  readonly cursors: readonly CursorSnapshot[];
  readonly nowMs: number;
  /** A host is asked sooner when none is up: setting `hostHealth.aloneRestSeconds`. */
  readonly aloneRestMs: number;
}

/** Hosts that would be asked in their order, then the others in written order. */
export function orderHosts(tiers: readonly Tier[], known: HostKnowledge): OrderedHost[] {
  const snapshots = new Map(known.hosts.map((snapshot) => [snapshot.key, snapshot]));
  const anyUp = tiers.some(({ hosts }) =>
    hosts.some(({ key }) => ['healthy', 'recovering'].includes(snapshots.get(key)?.state ?? 'healthy')),
  );
  const asked: OrderedHost[] = [];
  const others: OrderedHost[] = [];
  for (const [index, tier] of tiers.entries()) {
    const turns =
      known.cursors.find((cursor) => cursor.tierKey === tier.key)?.turns ?? new Map<string, number>();
    const described = new Map(
      tier.hosts.map((host) => [
        host.key,
        describe(host, { tier: index + 1, turns, snapshot: snapshots.get(host.key) }),
      ]),
    );
    const order = [
      ...tier.hosts.filter(({ key }) => isProbe(snapshots.get(key), known, anyUp)).map(({ key }) => key),
      ...inTurn(
        tier.hosts.map(({ key }) => key).filter((key) => isUp(snapshots.get(key))),
        turns,
      ),
    ];
    for (const key of order) {
      const entry = described.get(key);
      if (entry !== undefined) asked.push({ ...entry, place: asked.length + 1 });
      described.delete(key);
    }
    others.push(...described.values());
  }
  return [...asked, ...others];
}

function describe(
  host: Host,
  at: {
    readonly tier: number;
    readonly turns: ReadonlyMap<string, number>;
    readonly snapshot: HostSnapshot | undefined;
  },
): OrderedHost {
  const { snapshot } = at;
  return {
    host,
    tier: at.tier,
    state: snapshot?.state ?? 'healthy',
    turns: at.turns.get(host.key) ?? 0,
    ...(snapshot?.untilMs === undefined ? {} : { untilMs: snapshot.untilMs }),
    ...(snapshot?.lastReply === undefined ? {} : { lastReply: snapshot.lastReply }),
  };
}

function isUp(snapshot: HostSnapshot | undefined): boolean {
  return snapshot === undefined || snapshot.state === 'healthy' || snapshot.state === 'recovering';
}

function isProbe(snapshot: HostSnapshot | undefined, known: HostKnowledge, anyUp: boolean): boolean {
  if (snapshot?.untilMs === undefined || isUp(snapshot) || snapshot.state === 'drained') return false;
  if (snapshot.untilMs <= known.nowMs) return true;
  const alone = snapshot.state === 'unhealthy' && !anyUp && snapshot.sinceMs !== undefined;
  return alone && (snapshot.sinceMs ?? 0) + known.aloneRestMs <= known.nowMs;
}

/** Turns of hosts that stay eligible differ by one at most, so the floor of the cursor is one below the highest. */
function inTurn(keys: readonly string[], turns: ReadonlyMap<string, number>): string[] {
  const floor = Math.max(0, ...turns.values()) - 1;
  const left = [...keys];
  const order: string[] = [];
  while (left.length > 0) {
    const next = nextInTurn({ floor, turns }, left);
    order.push(next);
    left.splice(left.indexOf(next), 1);
  }
  return order;
}
