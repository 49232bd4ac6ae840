/** One pick as the script wants it, and its answer as the caller wants it. */
import type { Host, Tier } from '@mailwheel/routing';
import { hostPrefix, knownCursorsKey, turnPrefix, voidKey } from './keys.ts';
import type { RotationRules } from './options.ts';
import type { Pick, PickMode, PickRequest } from './types.ts';

/** Hosts of a pick beyond these are not considered: a guard against a domain with absurdly many addresses. */
export const hostsPerPickMax = 200;

const modes: readonly PickMode[] = ['go', 'suspect', 'ramp', 'probe'];
const causes = ['resting', 'busy', 'ramp', 'tried', 'drained'] as const;

/** What of a pick depends on the tiers alone; made once for a list of tiers and reused while the route stands. */
interface Layout {
  readonly keys: readonly string[];
  /** By place in KEYS (1-based); undefined: a cursor. */
  readonly places: readonly (
    | { readonly host: Host; readonly tier: number; readonly cursor: number }
    | undefined
  )[];
  /** Flags of a pick that knows nothing of any host. */
  readonly plainFlags: string;
}

export class PickCalls {
  readonly #layouts = new WeakMap<readonly Tier[], Layout>();
  readonly #rules: RotationRules;
  readonly #settings: string;
  readonly #rotate: 'm' | 'c';

  constructor(rules: RotationRules, rotate: 'message' | 'connection') {
    this.#rules = rules;
    this.#rotate = rotate === 'message' ? 'm' : 'c';
    const { rampStartPerSecond, probeLeaseMs, aloneRestMs, shyMs, waitersPerHostMax, waiterSpreadMs } = rules;
    this.#settings = [
      rampStartPerSecond,
      probeLeaseMs,
      aloneRestMs,
      shyMs,
      waitersPerHostMax,
      waiterSpreadMs,
    ].join(' ');
  }

  /** Number of keys, keys and arguments of `mwPick`. `successes` are pairs of host and count. */
  encode(
    request: PickRequest,
    nowMs: number | '',
    successes: readonly (string | number)[],
  ): [number, ...(string | number)[]] {
    const layout = this.#layoutOf(request.tiers);
    const preferred = request.prefer === undefined ? 0 : preferredPlace(layout, request.prefer);
    const rules = this.#rules;
    return [
      layout.keys.length,
      ...layout.keys,
      nowMs,
      flagsOf(layout, request),
      request.leaseId,
      request.destination,
      this.#settings,
      this.#rotate,
      preferred,
      layout.places[preferred]?.cursor ?? 0,
      rules.forgetMs,
      rules.initialConnections,
      rules.provenMs,
      rules.knownCursorsMax,
      ...successes,
    ];
  }

  decode(request: PickRequest, answer: readonly (number | string)[]): Pick {
    const [place, second, third, fourth] = answer.map(Number);
    if (place === undefined || second === undefined || third === undefined) {
      throw new Error(`pick: an answer of ${answer.length} parts`);
    }
    if (place === 0) {
      const cause = causes[fourth ?? -1];
      if (cause === undefined) throw new Error(`pick: unknown cause ${fourth}`);
      return { kind: 'none', retryAtMs: second, nowMs: third, cause };
    }
    const found = this.#layoutOf(request.tiers).places[place];
    const mode = modes[second];
    if (found === undefined || mode === undefined) throw new Error(`pick: no host at place ${place}`);
    return { kind: 'host', host: found.host, tier: found.tier, mode, epoch: third };
  }

  #layoutOf(tiers: readonly Tier[]): Layout {
    let layout = this.#layouts.get(tiers);
    if (layout === undefined) {
      layout = layoutOf(tiers);
      this.#layouts.set(tiers, layout);
    }
    return layout;
  }
}

function layoutOf(tiers: readonly Tier[]): Layout {
  const keys = [voidKey, knownCursorsKey];
  const places: Layout['places'][number][] = [undefined, undefined, undefined]; // Lua counts from 1
  const plain: string[] = [];
  let left = hostsPerPickMax;
  for (const [index, tier] of tiers.entries()) {
    const hosts = tier.hosts.slice(0, left);
    if (hosts.length === 0) continue;
    left -= hosts.length;
    keys.push(`${turnPrefix}${tier.key}`);
    const cursor = keys.length;
    places.push(undefined);
    for (const host of hosts) {
      keys.push(`${hostPrefix}${host.key}`);
      places.push({ host, tier: index, cursor });
    }
    plain.push('0'.repeat(hosts.length));
  }
  return { keys, places, plainFlags: plain.join('|') };
}

function preferredPlace(layout: Layout, key: string): number {
  const at = layout.places.findIndex((place) => place?.host.key === key);
  return at === -1 ? 0 : at;
}

function flagsOf(layout: Layout, request: PickRequest): string {
  const { tried, warm, shy } = request;
  if (tried.size === 0 && warm.size === 0 && shy.size === 0) return layout.plainFlags;
  let flags = '';
  for (let place = 4; place < layout.places.length; place += 1) {
    const host = layout.places[place]?.host.key;
    if (host === undefined) flags += '|';
    else flags += (tried.has(host) ? 1 : 0) + (warm.has(host) ? 2 : 0) + (shy.has(host) ? 4 : 0);
  }
  return flags;
}
