/**
 * The round-robin cursor of a tier, as a value. Each host has a number of turns; a pick takes the eligible host with the
 * fewest, ties in written order, and raises it by one. `floor` is the fewest turns of the last pick: whoever comes back or
 * joins is raised to it, so that it gets its share from now on and no burst for what it missed.
 *
 * Why that alternates strictly: the turns of hosts that stay eligible are always `floor` or `floor + 1`. Of two such hosts the
 * lower goes first, and ties have a fixed order.
 */
export interface Cursor {
  readonly floor: number;
  readonly turns: ReadonlyMap<string, number>;
}

export const newCursor: Cursor = { floor: 0, turns: new Map() };

export interface Turn {
  readonly host: string;
  readonly cursor: Cursor;
}

/** The host whose turn it is. `eligible` is in written order and not empty. */
export function takeTurn(cursor: Cursor, eligible: readonly string[]): Turn {
  const host = nextInTurn(cursor, eligible);
  const floor = turnsOf(cursor, host);
  return { host, cursor: raised(cursor, host, floor) };
}

/**
 * A turn out of order, for a host that a message must ask first (greylisting, unknown outcome). It counts, so the others
 * catch up; the floor stays, because it would rob those below the preferred host of turns they are owed.
 */
export function takeTurnOf(cursor: Cursor, host: string): Turn {
  return { host, cursor: raised(cursor, host, cursor.floor) };
}

/** Whose turn it is, without taking it. */
export function nextInTurn(cursor: Cursor, eligible: readonly string[]): string {
  let best: string | undefined;
  for (const host of eligible) {
    if (best === undefined || turnsOf(cursor, host) < turnsOf(cursor, best)) best = host;
  }
  if (best === undefined) throw new Error('cursor: a turn needs somebody to take it');
  return best;
}

function turnsOf(cursor: Cursor, host: string): number {
  return Math.max(cursor.turns.get(host) ?? 0, cursor.floor);
}

function raised(cursor: Cursor, host: string, floor: number): Cursor {
  const turns = new Map(cursor.turns).set(host, turnsOf(cursor, host) + 1);
  return { floor, turns };
}
