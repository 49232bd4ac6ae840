/**
 * What the scripts are meant to do, put together from the pure machine of `pacing` as one would say it in words, without regard
 * to speed. Nothing runs on it: the model test drives it and the scripts with the same commands and compares them.
 */
import {
  leaseProbe,
  newCursor,
  nextInTurn,
  pickHealth,
  reportHealth,
  restFactor,
  takeToken,
  takeTurn,
  takeTurnOf,
  unknownHost,
  type Cursor,
  type HealthReport,
  type HealthRules,
  type HostHealth,
} from '@mailwheel/pacing';
import type { Host, Tier } from '@mailwheel/routing';
import type { Pick, PickRequest } from './types.ts';

export interface ModelSettings {
  readonly rules: HealthRules;
  readonly byConnection: boolean;
  readonly initialConnections: number;
  readonly connectionsMax: number;
  readonly leaseMs: number;
  readonly spreadMs: number;
  /** Stands for the random number of each rest. */
  readonly random: number;
}

/** The model: what the scripts are meant to do, in terms of the pure machine. */
export class ReferenceModel {
  nowMs: number = 1_700_000_000_000;
  readonly health: Map<string, HostHealth> = new Map();
  readonly cursors: Map<string, Cursor> = new Map();
  readonly #leases = new Map<string, Map<string, number>>();
  readonly #limits = new Map<string, { limit: number; won: number }>();
  readonly #fullUntil = new Map<string, number>();
  readonly #waits = new Map<string, { readonly hosts: readonly string[]; readonly sinceMs: number }>();
  readonly #cameBack = new Set<string>();
  readonly #settings: ModelSettings;

  constructor(settings: ModelSettings) {
    this.#settings = settings;
  }

  of(key: string): HostHealth {
    return this.health.get(key) ?? unknownHost;
  }

  pick(request: PickRequest): Pick {
    this.#count(request.successes);
    const preferred = this.#preferred(request);
    if (preferred !== undefined) return preferred;
    const seen = {
      up: false,
      busy: false,
      ramp: false,
      resting: [] as Host[],
      retryAtMs: Infinity,
      aloneAtMs: Infinity,
    };
    let alone: { readonly host: Host; readonly tier: number } | undefined;
    for (const [tier, { hosts: members }] of request.tiers.entries()) {
      const eligible: Host[] = [];
      let probe: Host | undefined;
      for (const host of members) {
        const health = this.of(host.key);
        const tried = request.tried.has(host.key);
        if (health.state === 'healthy' || health.state === 'recovering') seen.up = true;
        const answer = pickHealth(this.#settings.rules, health, {
          nowMs: this.nowMs,
          shy: tried || request.shy.has(host.key),
        });
        const full = this.#full(host.key, request);
        if (health.state === 'unhealthy' || health.state === 'probing') seen.resting.push(host);
        if (answer.kind === 'wait' && !(tried && answer.why === 'ramp')) {
          seen.retryAtMs = Math.min(seen.retryAtMs, answer.retryAtMs);
          seen.ramp ||= answer.why === 'ramp';
          if (answer.alone !== undefined) {
            seen.aloneAtMs = Math.min(seen.aloneAtMs, answer.alone.retryAtMs);
            if (!tried && !full && answer.alone.probeAtMs <= this.nowMs) alone ??= { host, tier };
          }
        } else if (tried) {
          if (answer.kind === 'probe') this.#noteTried(seen, health);
        } else if (answer.kind !== 'drained' && full) seen.busy = true;
        else if (answer.kind === 'eligible') eligible.push(host);
        else if (answer.kind === 'probe') probe ??= host;
      }
      if (probe !== undefined) return this.#probe(probe, tier, request.leaseId);
      if (eligible.length > 0) return this.#turn(eligible, tier, request);
    }
    if (!seen.up && alone !== undefined) return this.#probe(alone.host, alone.tier, request.leaseId);
    return this.#nobody(seen, request);
  }

  report(host: Host, report: HealthReport): string {
    const before = this.of(host.key);
    const change = reportHealth(this.#settings.rules, before, report, {
      nowMs: this.nowMs,
      restFactor: restFactor(this.#settings.rules, this.#settings.random),
    });
    if (change.kind === 'stale') return 'stale';
    this.health.set(host.key, change.health);
    const cameBack = before.state === 'probing' && change.health.state === 'recovering';
    if (cameBack && this.#waitedFor(host.key)) this.#cameBack.add(host.key);
    return `${before.state} -> ${change.health.state}`;
  }

  open(host: Host, connection: string): boolean {
    const leases = this.#leases.get(host.key) ?? new Map<string, number>();
    this.#leases.set(host.key, leases);
    for (const [id, until] of leases) if (until <= this.nowMs) leases.delete(id);
    const limit = Math.min(
      this.#limits.get(host.key)?.limit ?? this.#settings.initialConnections,
      this.#settings.connectionsMax,
    );
    const taken = leases.size < limit || leases.has(connection);
    if (taken) leases.set(connection, this.nowMs + this.#settings.leaseMs);
    if (leases.size >= limit) this.#fullUntil.set(host.key, Math.min(...leases.values()));
    return taken;
  }

  close(host: Host, connection: string): void {
    this.#fullUntil.delete(host.key);
    this.#leases.get(host.key)?.delete(connection);
  }

  /** Takes released destinations as given, because which host is looked at first is left open. False: they cannot be right. */
  release(released: readonly string[], portion: number): boolean {
    const up = [...this.#cameBack].filter((key) => ['healthy', 'recovering'].includes(this.of(key).state));
    const due = [...this.#waits].filter(([, one]) => one.hosts.some((host) => up.includes(host)));
    const names = new Set(due.map(([name]) => name));
    const possible = released.every((name) => names.delete(name)); // each once
    for (const name of released) this.#waits.delete(name);
    if (released.length < portion) this.#cameBack.clear(); // every host was looked at
    for (const key of up) if (!this.#waitedFor(key)) this.#cameBack.delete(key);
    return possible && released.length === Math.min(portion, due.length);
  }

  #waitedFor(key: string): boolean {
    return [...this.#waits.values()].some((one) => one.hosts.includes(key));
  }

  #noteTried(seen: { retryAtMs: number; aloneAtMs: number }, health: HostHealth): void {
    // Tried, and its rest is over even for a shy message: another message of the destination may probe it at once.
    const shyMs = this.#settings.rules.shySeconds * 1000;
    if (health.state === 'unhealthy') {
      seen.retryAtMs = Math.min(seen.retryAtMs, health.untilMs + shyMs);
      const aloneMs = Math.min(health.untilMs, health.sinceMs + this.#settings.rules.aloneRestSeconds * 1000);
      seen.aloneAtMs = Math.min(seen.aloneAtMs, aloneMs + shyMs);
    }
    if (health.state === 'probing')
      seen.retryAtMs = Math.min(seen.retryAtMs, health.leaseUntilMs + shyMs, this.nowMs + 1000);
  }

  #preferred(request: PickRequest): Pick | undefined {
    for (const [tier, { hosts: members, key: tierKey }] of request.tiers.entries()) {
      for (const host of members) {
        if (host.key !== request.prefer) continue;
        const answer = pickHealth(this.#settings.rules, this.of(host.key), { nowMs: this.nowMs, shy: false });
        if (answer.kind !== 'eligible' || request.tried.has(host.key) || this.#full(host.key, request))
          return undefined;
        if (members.length > 1 && !(this.#settings.byConnection && request.warm.has(host.key))) {
          this.cursors.set(tierKey, takeTurnOf(this.#cursor(tierKey), host.key).cursor);
        }
        return this.#go(host, tier);
      }
    }
    return undefined;
  }

  #turn(eligible: readonly Host[], tier: number, request: PickRequest): Pick {
    const { key, hosts: members } = request.tiers[tier] as Tier;
    const warm = this.#settings.byConnection ? eligible.filter((host) => request.warm.has(host.key)) : [];
    const candidates = warm.length > 0 ? warm : eligible;
    const keys = candidates.map((host) => host.key);
    let name: string;
    if (warm.length > 0 || members.length === 1) name = nextInTurn(this.#cursor(key), keys);
    else {
      const turn = takeTurn(this.#cursor(key), keys);
      this.cursors.set(key, turn.cursor);
      name = turn.host;
    }
    return this.#go(candidates.find((host) => host.key === name) as Host, tier);
  }

  #go(host: Host, tier: number): Pick {
    const health = this.of(host.key);
    const answer = pickHealth(this.#settings.rules, health, { nowMs: this.nowMs, shy: false });
    if (answer.kind !== 'eligible') throw new Error('model: not eligible');
    if (answer.mode === 'ramp')
      this.health.set(host.key, takeToken(this.#settings.rules, health, this.nowMs));
    return { kind: 'host', host, tier, mode: answer.mode, epoch: health.epoch };
  }

  #probe(host: Host, tier: number, leaseId: string): Pick {
    const health = leaseProbe(this.#settings.rules, this.of(host.key), { id: leaseId, nowMs: this.nowMs });
    this.health.set(host.key, health);
    return { kind: 'host', host, tier, mode: 'probe', epoch: health.epoch };
  }

  #nobody(
    seen: {
      up: boolean;
      busy: boolean;
      ramp: boolean;
      resting: Host[];
      retryAtMs: number;
      aloneAtMs: number;
    },
    request: PickRequest,
  ): Pick {
    const { nowMs } = this;
    const retryAtMs = seen.up ? seen.retryAtMs : Math.min(seen.retryAtMs, seen.aloneAtMs);
    if (seen.busy)
      return { kind: 'none', retryAtMs: Math.min(retryAtMs, nowMs + 1000), nowMs, cause: 'busy' };
    if (seen.ramp) return { kind: 'none', retryAtMs, nowMs, cause: 'ramp' };
    if (seen.up) return { kind: 'none', retryAtMs: nowMs, nowMs, cause: 'tried' };
    const names = seen.resting.map((host) => host.key);
    const listed = this.#waits.get(request.destination);
    if (listed === undefined || listed.hosts.join(' ') !== names.join(' ')) {
      this.#waits.set(request.destination, { hosts: names, sinceMs: nowMs });
    }
    const ahead = [...this.#waits]
      .filter(([, one]) => one.hosts.includes(names[0] ?? ''))
      .sort(([x, one], [y, two]) => one.sinceMs - two.sinceMs || (x < y ? -1 : 1))
      .findIndex(([name]) => name === request.destination);
    return { kind: 'none', retryAtMs: retryAtMs + ahead * this.#settings.spreadMs, nowMs, cause: 'resting' };
  }

  #full(key: string, request: PickRequest): boolean {
    return !request.warm.has(key) && (this.#fullUntil.get(key) ?? 0) > this.nowMs;
  }

  #cursor(key: string): Cursor {
    return this.cursors.get(key) ?? newCursor;
  }

  #count(successes: ReadonlyMap<string, number> | undefined): void {
    for (const [key, count] of successes ?? []) {
      const state = this.#limits.get(key) ?? { limit: this.#settings.initialConnections, won: 0 };
      state.won += count;
      if (state.won >= state.limit) this.#fullUntil.delete(key);
      for (; state.won >= state.limit; state.limit *= 2) state.won -= state.limit;
      this.#limits.set(key, state);
    }
  }
}
