/** Carries out the acts of the plan on a running tier, and notes each with the time that it took. */
import type { ChildProcess } from 'node:child_process';
import type { HostsOrder } from './hosts.ts';
import type { Place } from './layout.ts';
import { actsOf, type Act, type Role } from './plan.ts';
import type { FaultRecord } from './records.ts';
import type { RedisVictim } from './redis-victim.ts';
import type { Slot } from './supervisor.ts';

const othersWaitMsMax = 15_000;

export interface AttackerOptions {
  readonly at: Place;
  readonly slots: readonly Slot[];
  readonly redis: RedisVictim;
  readonly hosts: (order: HostsOrder) => void;
  readonly meanPauseMs: number;
  readonly killsMax: number;
  readonly only: readonly string[];
  readonly note: (fault: FaultRecord) => void;
  /** True ends it after the act under way. */
  readonly enough: () => boolean;
}

export class Attacker {
  readonly #options: AttackerOptions;
  readonly counts = new Map<string, number>();
  readonly #frozen = new Map<Slot, ChildProcess>();
  readonly #underWay = new Set<Promise<void>>();
  #redisBusy = false;
  kills = 0;

  constructor(options: AttackerOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { at, redis, meanPauseMs, enough, killsMax, only } = this.#options;
    const options = { scale: at.scale, meanPauseMs, smallDisk: redis.diskCanBeFilled, only };
    for (const { afterMs, act } of actsOf(at.seed, options)) {
      await pause(afterMs);
      if (act.kind === 'kill' || act.kind === 'terminate') await this.#othersServe(act);
      if (enough() || this.kills >= killsMax) break;
      const done = this.#carryOut(act).finally(() => this.#underWay.delete(done));
      this.#underWay.add(done);
    }
    await Promise.all(this.#underWay);
  }

  #count(act: string): void {
    this.counts.set(act, (this.counts.get(act) ?? 0) + 1);
  }

  async #carryOut(act: Act): Promise<void> {
    switch (act.kind) {
      case 'kill':
      case 'terminate':
        this.#end(act);
        return;
      case 'freeze':
        return this.#freeze(act);
      case 'redis-kill':
      case 'redis-restart':
      case 'redis-freeze':
      case 'redis-full':
      case 'disk-full':
        return this.#troubleRedis(act);
      case 'flap':
        return this.#flap(act);
      case 'cut-storm':
        return this.#storm(act);
    }
  }

  #victim(role: Role, draw: number): Slot | undefined {
    const choices = this.#options.slots.filter((slot) => slot.role === role && slot.alive && !slot.doomed);
    // Mostly one that is in service; now and then one that is only starting.
    const ready = choices.filter((slot) => slot.ready);
    const among = ready.length > 0 && decimals(draw, 6) < 0.9 ? ready : choices;
    return among[Math.floor(draw * among.length)];
  }

  /**
   * Mostly waits until another process of the role is in service: on a busy machine, where a start takes many seconds, an
   * attack would otherwise meet nobody at work. Some acts do not wait, so that a role is also gone altogether.
   */
  async #othersServe({ role, draw }: { readonly role: Role; readonly draw: number }): Promise<void> {
    if (role === 'console' || decimals(draw, 3) > 0.75) return;
    const endMs = Date.now() + othersWaitMsMax;
    const serving = (): number =>
      this.#options.slots.filter((slot) => slot.role === role && slot.ready).length;
    while (serving() < 2 && Date.now() < endMs) await pause(100);
  }

  #end({ kind, role, draw, downMs }: Extract<Act, { kind: 'kill' | 'terminate' }>): void {
    const slot = this.#victim(role, draw);
    if (slot === undefined || (kind === 'terminate' && this.#frozen.has(slot))) return;
    const atMs = Date.now();
    if (kind === 'kill') {
      slot.kill(downMs);
      this.kills += 1;
    } else slot.terminate(downMs);
    this.#count(`${kind} ${role}`);
    this.#options.note({ kind: 'fault', act: kind, victim: slot.name, atMs, untilMs: atMs });
  }

  async #freeze({ role, draw, forMs }: Extract<Act, { kind: 'freeze' }>): Promise<void> {
    const slot = this.#victim(role, draw);
    if (slot === undefined || this.#frozen.has(slot)) return;
    const atMs = Date.now();
    const child = slot.signal('SIGSTOP');
    if (child === undefined) return;
    this.#frozen.set(slot, child);
    this.#count(`freeze ${role}`);
    await pause(forMs);
    this.#frozen.delete(slot);
    // The process of then: by now another may stand in its place.
    child.kill('SIGCONT');
    this.#options.note({ kind: 'fault', act: 'freeze', victim: slot.name, atMs, untilMs: Date.now() });
  }

  async #troubleRedis(act: Extract<Act, { kind: `redis-${string}` | 'disk-full' }>): Promise<void> {
    const { redis, note } = this.#options;
    if (this.#redisBusy) return;
    this.#redisBusy = true;
    this.#count(act.kind);
    if (act.kind === 'redis-kill') this.kills += 1;
    const atMs = Date.now();
    try {
      await this.#trouble(redis, act);
    } finally {
      note({ kind: 'fault', act: act.kind, victim: 'redis', atMs, untilMs: Date.now() });
      // Time for the tier to see that it is back.
      await pause(1_500);
      this.#redisBusy = false;
    }
  }

  async #trouble(
    redis: RedisVictim,
    act: Extract<Act, { kind: `redis-${string}` | 'disk-full' }>,
  ): Promise<void> {
    switch (act.kind) {
      case 'redis-kill':
      case 'redis-restart':
        await redis.down(act.kind === 'redis-kill' ? 'SIGKILL' : 'SIGTERM');
        await pause(act.downMs);
        return redis.up();
      case 'redis-freeze':
        redis.freeze();
        await pause(act.forMs);
        return redis.thaw();
      case 'redis-full':
        await redis.full();
        await pause(act.forMs);
        return redis.unfull();
      case 'disk-full':
        redis.fillDisk();
        await pause(act.forMs);
        redis.emptyDisk();
        return redis.up();
    }
  }

  async #flap({ draw, forMs }: Extract<Act, { kind: 'flap' }>): Promise<void> {
    const { at, hosts, note } = this.#options;
    const host = at.hosts[Math.floor(draw * at.hosts.length)];
    if (host === undefined) return;
    this.#count('flap');
    const atMs = Date.now();
    hosts({ kind: 'flap', host: host.name, forMs });
    await pause(forMs);
    note({ kind: 'fault', act: 'flap', victim: host.name, atMs, untilMs: Date.now() });
  }

  async #storm({ share, forMs }: Extract<Act, { kind: 'cut-storm' }>): Promise<void> {
    this.#count('cut-storm');
    const atMs = Date.now();
    this.#options.hosts({ kind: 'cuts', share });
    await pause(forMs);
    this.#options.hosts({ kind: 'cuts', share: 0 });
    this.#options.note({ kind: 'fault', act: 'cut-storm', victim: 'proxies', atMs, untilMs: Date.now() });
  }
}

/** A second and a third choice from one draw: what stands behind so many of its digits. */
function decimals(draw: number, after: number): number {
  const shifted = draw * 10 ** after;
  return shifted - Math.floor(shifted);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
