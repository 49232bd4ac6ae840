/**
 * An attack as its seed gives it: the tier, the hosts and their moods, and the acts in their order with the pauses between
 * them. What happens at which byte of which dialogue is up to the machine; what is done, to whom, for how long and after how
 * long a pause is not.
 */
import { randomOf, type Random } from './random.ts';

export type Role = 'ingress' | 'worker' | 'console';

export type Act =
  | { readonly kind: 'kill'; readonly role: Role; readonly draw: number; readonly downMs: number }
  | { readonly kind: 'freeze'; readonly role: Role; readonly draw: number; readonly forMs: number }
  | { readonly kind: 'terminate'; readonly role: Role; readonly draw: number; readonly downMs: number }
  | { readonly kind: 'redis-kill' | 'redis-restart'; readonly downMs: number }
  | { readonly kind: 'redis-freeze' | 'redis-full' | 'disk-full'; readonly forMs: number }
  | { readonly kind: 'flap'; readonly draw: number; readonly forMs: number }
  | { readonly kind: 'cut-storm'; readonly share: number; readonly forMs: number };

export interface TimedAct {
  readonly afterMs: number;
  readonly act: Act;
}

/** Times of the tier, and of what is done to it. A tier with short locks meets in seconds what others meet in minutes. */
export interface Scale {
  readonly lockSeconds: number;
  readonly renewSeconds: number;
  readonly finalReplySeconds: number;
  readonly commandSeconds: number;
  readonly drainSeconds: number;
  readonly tombstoneSeconds: number;
  readonly freezeMsMax: number;
  readonly redisAwayMsMax: number;
}

export const scales = {
  /** Stops of up to 20 s against locks of 8 s. */
  full: {
    lockSeconds: 8,
    renewSeconds: 1,
    finalReplySeconds: 25,
    commandSeconds: 5,
    drainSeconds: 10,
    tombstoneSeconds: 40,
    freezeMsMax: 20_000,
    redisAwayMsMax: 14_000,
  },
  /** For a run of half a minute. */
  quick: {
    lockSeconds: 4,
    renewSeconds: 0.5,
    finalReplySeconds: 9,
    commandSeconds: 3,
    drainSeconds: 5,
    tombstoneSeconds: 10,
    freezeMsMax: 6_000,
    redisAwayMsMax: 5_000,
  },
} as const satisfies Record<string, Scale>;

export interface PlannedHost {
  readonly name: string;
  readonly domain: string;
  /** `/pri` in the route. */
  readonly priority: number;
  /** A proxy that cuts connections stands before it. */
  readonly proxied: boolean;
  /** How often it misbehaves while it is moody. */
  readonly moodiness: number;
}

export interface Plan {
  readonly seed: number;
  readonly shards: number;
  readonly workers: number;
  readonly ingresses: number;
  readonly smallDisk: boolean;
  readonly homeDomain: string;
  readonly domains: readonly string[];
  readonly hosts: readonly PlannedHost[];
}

export const homeDomain = 'home.test';

/** Priorities of the hosts of each domain: equal ones share a tier. */
const shapes: readonly (readonly number[])[] = [[0, 0], [0, 0, 0], [0], [0, 10], [0, 0], [0, 0, 10], [0]];

export function planOf(seed: number): Plan {
  const random = randomOf(seed, 'plan');
  const domains = shapes.map((_, at) => `d${at + 1}.test`);
  const hosts: PlannedHost[] = [];
  for (const [at, shape] of shapes.entries()) {
    for (const [place, priority] of shape.entries()) {
      hosts.push({
        name: `h${at + 1}${'abc'[place] ?? 'x'}`,
        domain: domains[at] ?? '',
        priority,
        proxied: random.chance(0.4),
        moodiness: random.magnitude(0.02, 0.4),
      });
    }
  }
  for (const place of ['a', 'b']) {
    hosts.push({
      name: `home${place}`,
      domain: homeDomain,
      priority: 0,
      proxied: random.chance(0.5),
      moodiness: random.magnitude(0.02, 0.15),
    });
  }
  return {
    seed,
    shards: random.pick([1, 1, 3]),
    workers: random.whole(2, 3),
    ingresses: 2,
    smallDisk: random.chance(0.5),
    homeDomain,
    domains,
    hosts,
  };
}

export interface ActOptions {
  readonly scale: Scale;
  /** Of the pauses between two acts. */
  readonly meanPauseMs: number;
  /** Redis lies on a disk that can be filled. */
  readonly smallDisk: boolean;
  /** Kinds of acts; empty: all. */
  readonly only: readonly string[];
}

/** Endless; the caller stops. */
export function* actsOf(seed: number, options: ActOptions): Generator<TimedAct, never> {
  const random = randomOf(seed, 'acts');
  for (;;) {
    const afterMs = Math.round(-Math.log(1 - random.next()) * options.meanPauseMs);
    yield { afterMs: Math.min(afterMs, 4 * options.meanPauseMs), act: drawAct(random, options) };
  }
}

function drawAct(random: Random, { scale, smallDisk, only }: ActOptions): Act {
  const wanted = (kind: Act['kind'], weight: number): number =>
    only.length === 0 || only.includes(kind) ? weight : 0;
  const kind = random.weighted<Act['kind']>({
    kill: wanted('kill', 54),
    freeze: wanted('freeze', 12),
    terminate: wanted('terminate', 8),
    'redis-kill': wanted('redis-kill', 4),
    'redis-restart': wanted('redis-restart', 1.5),
    'redis-freeze': wanted('redis-freeze', 2.5),
    'redis-full': wanted('redis-full', 2),
    'disk-full': smallDisk ? wanted('disk-full', 2) : 0,
    flap: wanted('flap', 9),
    'cut-storm': wanted('cut-storm', 5),
  });
  switch (kind) {
    case 'kill':
    case 'terminate':
      return { kind, ...victim(random), downMs: random.chance(0.7) ? 0 : downMs(random) };
    case 'freeze':
      return { kind, ...victim(random), forMs: Math.round(random.magnitude(150, scale.freezeMsMax)) };
    case 'redis-kill':
    case 'redis-restart':
      return { kind, downMs: Math.round(random.magnitude(50, scale.redisAwayMsMax)) };
    case 'redis-freeze':
    case 'redis-full':
    case 'disk-full':
      return { kind, forMs: Math.round(random.magnitude(300, scale.redisAwayMsMax)) };
    case 'flap':
      return { kind, draw: random.next(), forMs: Math.round(random.magnitude(200, 6_000)) };
    case 'cut-storm':
      return { kind, share: random.pick([0.05, 0.2, 0.5]), forMs: random.whole(1_000, 6_000) };
  }
}

function victim(random: Random): { readonly role: Role; readonly draw: number } {
  return { role: random.weighted({ worker: 60, ingress: 33, console: 7 }), draw: random.next() };
}

function downMs(random: Random): number {
  return Math.round(random.magnitude(100, 4_000));
}
