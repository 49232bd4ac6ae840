/** The picks of a cursor as people compare them: the share each host has had beside the one it should have. */
import type { HostState } from '@mailwheel/pacing';
import type { CursorSnapshot, HostSnapshot } from '@mailwheel/rotation';

export interface HostShare {
  readonly key: string;
  readonly label: string;
  /** Undefined: nothing is known of the host's health. */
  readonly state: HostState | undefined;
  readonly turns: number;
  /** Of all turns of the cursor, 0 to 1; 0 while nobody had one. */
  readonly share: number;
}

export interface CursorShares {
  readonly tierKey: string;
  /** What the cursor belongs to: a route's key, or a domain. */
  readonly route: string;
  /** Place of the tier: `priority 0`, `priority 0, MX 10`. */
  readonly tier: string;
  readonly turns: number;
  /** Share that each host should have; 0 without hosts. */
  readonly ideal: number;
  readonly hosts: readonly HostShare[];
}

/**
 * Hosts by name. Turns are what the cursor compares, not a count of messages: a host that was away is raised to the others
 * when it comes back, so that it gets no burst.
 */
export function cursorShares(cursor: CursorSnapshot, known: ReadonlyMap<string, HostSnapshot>): CursorShares {
  const turns = [...cursor.turns.values()].reduce((total, one) => total + one, 0);
  const hosts = [...cursor.turns].map(([key, own]): HostShare => {
    const snapshot = known.get(key);
    return {
      key,
      label: snapshot?.label ?? key.split('|', 1)[0] ?? key,
      state: snapshot?.state,
      turns: own,
      share: turns === 0 ? 0 : own / turns,
    };
  });
  hosts.sort((a, b) => a.label.localeCompare(b.label, 'en', { numeric: true }));
  return {
    tierKey: cursor.tierKey,
    ...tierPlace(cursor.tierKey),
    turns,
    ideal: hosts.length === 0 ? 0 : 1 / hosts.length,
    hosts,
  };
}

/** Reads `<route or destination>:<priority>[.<mx preference>[.<family rank>]]`. */
export function tierPlace(tierKey: string): { readonly route: string; readonly tier: string } {
  const colon = tierKey.lastIndexOf(':');
  if (colon < 0) return { route: tierKey, tier: '' };
  const names = ['priority', 'MX', 'family'];
  const places = tierKey.slice(colon + 1).split('.');
  return {
    route: tierKey.slice(0, colon),
    tier: places.map((place, at) => `${names[at] ?? 'then'} ${place}`).join(', '),
  };
}
