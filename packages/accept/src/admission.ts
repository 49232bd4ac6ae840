/**
 * Is the store open for mail? A small loop asks Redis once a second; everybody else reads what it saw last. It closes
 * well before Redis is full: at `maxmemory` the queue could not be worked off either.
 */
import type { Acceptor } from './types.ts';

export interface AdmissionOptions {
  /** Text of INFO of every master that holds a shard. */
  info(section: 'memory' | 'replication'): Promise<readonly string[]>;
  /** Messages with an open recipient, over all shards. */
  backlog(): Promise<number>;
  /** Is the connection up? Seen at once, where the loop needs its second. Absent: the loop alone knows. */
  connected?(): boolean;
  /** Percent of maxmemory from which on mail is refused. Setting `store.highWaterPercent`, default 80. */
  readonly highWaterPercent?: number;
  /** Setting `store.backlogMessagesMax`, default 10,000,000. */
  readonly backlogMessagesMax?: number;
  /** Replicas that must be connected and in step. Setting `redis.replicasToWaitFor`, default 0. */
  readonly replicasWanted?: number;
  /** Default 1,000. */
  readonly pollMs?: number;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly monotonicMs?: () => number;
}

export type AdmissionState = ReturnType<Acceptor['admission']>;

/** Rounds of silence after which what was seen last counts for nothing. */
const silentRoundsMax = 3;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #pollMs: number;
  readonly #monotonicMs: () => number;
  #state: AdmissionState = { kind: 'unavailable', reason: 'Redis was not asked yet' };
  #seenAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#pollMs = options.pollMs ?? 1000;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#seenAtMs = this.#monotonicMs();
  }

  /** Asks once, then goes on asking until `close`. `afterRound` is told whether Redis answered. */
  async start(afterRound: (answered: boolean) => void = () => undefined): Promise<void> {
    afterRound(await this.poll());
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.start(afterRound), this.#pollMs);
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  state(): AdmissionState {
    if (this.#options.connected?.() === false) {
      return { kind: 'unavailable', reason: 'there is no connection to Redis' };
    }
    const silentMs = this.#monotonicMs() - this.#seenAtMs;
    if (this.#state.kind !== 'unavailable' && silentMs > this.#pollMs * silentRoundsMax) {
      return { kind: 'unavailable', reason: `Redis has not answered for ${Math.round(silentMs)} ms` };
    }
    return this.#state;
  }

  /** One round. False: Redis did not answer; what was seen before stands until it is too old. */
  async poll(): Promise<boolean> {
    const { replicasWanted = 0 } = this.#options;
    try {
      const [memory, replication, backlog] = await Promise.all([
        this.#options.info('memory'),
        replicasWanted > 0 ? this.#options.info('replication') : [],
        this.#options.backlog(),
      ]);
      this.#state = this.#judge(memory, replication, backlog);
      this.#seenAtMs = this.#monotonicMs();
      return true;
    } catch (cause) {
      if (this.#state.kind === 'unavailable') {
        const reason = cause instanceof Error ? cause.message : String(cause);
        this.#state = { kind: 'unavailable', reason: `Redis does not answer: ${reason}` };
      }
      return false;
    }
  }

  #judge(memory: readonly string[], replication: readonly string[], backlog: number): AdmissionState {
    const { highWaterPercent = 80, backlogMessagesMax = 10_000_000, replicasWanted = 0 } = this.#options;
    for (const text of replication) {
      const online = text.match(/^slave\d+:.*\bstate=online\b/gm)?.length ?? 0;
      if (online < replicasWanted) {
        return { kind: 'unavailable', reason: `${online} of ${replicasWanted} replicas are in step` };
      }
    }
    const fullest = Math.max(0, ...memory.map(usedPercent));
    if (fullest >= highWaterPercent) {
      const reason = `${Math.floor(fullest)}% of Redis's maxmemory is used, the limit is ${highWaterPercent}%`;
      return { kind: 'full', reason };
    }
    if (backlog >= backlogMessagesMax) {
      return { kind: 'full', reason: `${backlog} messages wait, the limit is ${backlogMessagesMax}` };
    }
    return { kind: 'open' };
  }
}

/** As Redis itself compares: buffers of replicas and of the append-only file do not count. 0 without a maxmemory. */
function usedPercent(info: string): number {
  const maxBytes = numberOf(info, 'maxmemory');
  if (maxBytes === 0) return 0;
  return (100 * (numberOf(info, 'used_memory') - numberOf(info, 'mem_not_counted_for_evict'))) / maxBytes;
}

function numberOf(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}
