/**
 * A small tier for the model of acceptance 16: workers that do one atomic step at a time and may die between any two, an
 * operator behind the board who may die between act and touch, and a book of what became of every job.
 */
import { createMessageId, jobId, shardOf, type DestinationKey, type Priority } from '@mailwheel/envelope';
import {
  assertExec,
  connectRedis,
  createDestinationQueues,
  whenReady,
  type DestinationQueues,
  type HeldJob,
  type MoveRefusal,
  type RedisClient,
  type Taken,
} from '@mailwheel/queue';
import { createBoardQueues, type BoardQueues } from '@mailwheel/queue/board';

export const times = {
  lockMs: 500,
  renewMs: 100,
  lockMarginMs: 100,
  stalledMs: 120,
  pausedLookMs: 300,
  claimHoldMs: 100,
} as const;
export const bounced = { keepSeconds: 1, keepPerDestination: 20 } as const;
export const shards = 2;
export const names = Array.from({ length: 12 }, (_, at) => `d${at}.example` as DestinationKey);
/** Two destinations take one and two jobs at once. */
const limits = new Map([
  [names[0], 1],
  [names[1], 2],
]);

export type Random = () => number;

/** Throws in the middle of an operator act. */
class OperatorDied extends Error {}

/** What one stream of a worker is at. */
interface Stream {
  readonly worker: number;
  destination?: DestinationKey;
  job?: HeldJob;
  took: boolean;
  notBeforeMs?: number;
  /** Its process does not run until then (monotonic milliseconds) and renews nothing. */
  frozenUntilMs?: number;
}

export class ModelTier {
  readonly random: Random;
  /** Jobs that were accepted and have not ended. */
  readonly open = new Map<string, DestinationKey>();
  readonly failed = new Map<string, DestinationKey>();
  readonly counts = {
    added: 0,
    completed: 0,
    failed: 0,
    removed: 0,
    recovered: 0,
    refused: 0,
    crashes: 0,
    operatorDeaths: 0,
  };
  /** Destinations an operator died over: the sweeper owes them a look. */
  readonly owed = new Set<DestinationKey>();
  readonly #queues: DestinationQueues[] = [];
  readonly #streams: Stream[] = [];
  readonly #clients: RedisClient[] = [];
  #board: BoardQueues | undefined;
  #touchesUntilDeath = Infinity;
  #made = 0;

  constructor(random: Random) {
    this.random = random;
  }

  async start(url: string): Promise<void> {
    for (let worker = 0; worker < 3; worker++) {
      const client = connectRedis({ url }, 'worker', () => undefined);
      this.#clients.push(client);
      await whenReady(client, 5_000);
      this.#queues.push(
        await createDestinationQueues({
          client,
          shards,
          ...times,
          bounced,
          workerName: `worker${worker}`,
          concurrencyFor: (destination) => limits.get(destination),
          onRecovered: (_destination, ids) => (this.counts.recovered += ids.length),
          onForgotten: (_destination, ids) => ids.forEach((id) => this.failed.delete(id)),
        }),
      );
      for (let stream = 0; stream < 4; stream++) this.#streams.push({ worker, took: false });
    }
    const client = this.#clients[0];
    if (client === undefined) throw new Error('no client');
    this.#board = await createBoardQueues({
      client,
      shards,
      hooks: {
        touch: async (destination) => {
          if (--this.#touchesUntilDeath < 0) throw new OperatorDied();
          await this.#any().touch(destination);
          // The workers do not wait for the operator: they may visit between his touch and his act.
          for (let turn = this.random() < 0.2 ? this.#below(60) : 0; turn > 0; turn--) await this.step(0);
        },
        audit: () => undefined,
        retryJob: async (destination, id) => {
          if (this.failed.delete(id)) {
            this.open.set(id, destination);
            this.counts.failed--;
          }
          await this.#any().retryFailed(destination, id as HeldJob['id']);
        },
        deleteJob: async (destination, id) => {
          const removed = await this.#any().removeJob(destination, id as HeldJob['id']);
          if (removed !== 'removed') return;
          // It may have failed since the operator saw it waiting.
          if (this.failed.delete(id)) this.counts.failed--;
          else this.#end(id);
          this.counts.removed++;
        },
      },
    });
  }

  async stop(): Promise<void> {
    for (const queues of this.#queues) await queues.close();
    for (const client of this.#clients) client.disconnect();
  }

  /** One accept: 1 to 4 jobs in one MULTI. */
  async add(): Promise<void> {
    const shard = this.#below(shards);
    const ofShard = names.filter((name) => shardOf(name, shards) === shard);
    const multi = await this.#any().transaction(shard);
    const ids: [string, DestinationKey][] = [];
    for (let count = 1 + this.#below(4); count > 0; count--) {
      const destination = this.#pick(ofShard);
      const bytes = new Uint8Array(17);
      new DataView(bytes.buffer).setUint32(0, ++this.#made);
      const message = createMessageId(bytes, shard);
      const priority: Priority = this.#pick(['high', 'normal', 'normal', 'bulk'] as const);
      const data = {
        v: 1,
        message,
        from: '',
        to: [[0, `u@${destination}`]],
        acceptedAtMs: Date.now(),
        priority,
      } as const;
      const id = jobId(message, 0);
      const delay = this.random() < 0.15 ? { delayMs: this.#below(300) } : {};
      await this.#any().addToTransaction(multi, { id, destination, data, priority, ...delay });
      ids.push([id, destination]);
    }
    assertExec(await multi.exec());
    for (const [id, destination] of ids) this.open.set(id, destination);
    this.counts.added += ids.length;
  }

  /** One atomic step of one stream; with some probability its worker dies instead, wherever it is. */
  async step(deathRate: number): Promise<void> {
    const stream = this.#pick(this.#streams);
    if ((stream.frozenUntilMs ?? 0) > performance.now()) return;
    if (this.random() < deathRate) return this.#die(stream);
    const queues = this.#queues[stream.worker]!;
    if (stream.job !== undefined && this.random() < deathRate) {
      queues.release(stream.job);
      stream.frozenUntilMs = performance.now() + times.lockMs + this.#below(times.lockMs);
      return;
    }
    if (stream.destination === undefined) {
      const claim = await queues.claim(this.#below(shards), 1);
      const [destination] = claim.destinations;
      if (destination !== undefined) Object.assign(stream, { destination, took: false });
      return;
    }
    if (stream.job === undefined) {
      const taken = await queues.take(stream.destination);
      if (taken.kind === 'nothing') return this.#leave(stream);
      stream.job = taken.job;
      stream.took = true;
      return;
    }
    await this.#act(stream, stream.job, queues);
  }

  /** An operator act through the board; sometimes he dies after the act, before the touch that follows it. */
  async operate(mayDie: boolean): Promise<void> {
    const destination = this.#pick(names);
    const queue = this.#board!.queue(destination);
    // The first touch comes before the act.
    this.#touchesUntilDeath = mayDie && this.random() < 0.3 ? 1 : Infinity;
    const act = this.#below(7);
    try {
      if (act === 0) await queue.pause();
      if (act <= 2) await queue.resume();
      if (act === 3) await (await queue.getDelayed(0, 0))[0]?.promote().catch(rethrowDeath);
      if (act === 4) await (await queue.getWaiting(0, 0))[0]?.remove().catch(rethrowDeath);
      if (act === 5) await this.#retry(destination);
      if (act === 6) await this.#any().promoteParked(destination, 3);
    } catch (error) {
      if (!(error instanceof OperatorDied)) throw error;
      this.owed.add(destination);
      this.counts.operatorDeaths++;
    } finally {
      this.#touchesUntilDeath = Infinity;
    }
  }

  async resumeAll(): Promise<void> {
    for (const destination of names) await this.#board!.queue(destination).resume();
  }

  /** One whole sweep; what an operator left is repaired with it. */
  async sweep(): Promise<number> {
    let repaired = 0;
    for (let shard = 0; shard < shards; shard++) {
      let cursor = '0';
      do {
        const portion = await this.#any().sweep(shard, cursor);
        repaired += portion.repaired.length;
        cursor = portion.cursor;
      } while (cursor !== '0');
    }
    this.owed.clear();
    return repaired;
  }

  /** Ends every held job without a trace, as if all processes were killed. */
  dieAll(): void {
    for (const stream of this.#streams) this.#die(stream);
  }

  async #retry(destination: DestinationKey): Promise<void> {
    const [job] = await this.#board!.queue(destination).getFailed(0, 0);
    if (job?.id === undefined) return;
    // Booked by the hook that runs before the act: once the job waits again, a worker may end it.
    await job.retry('failed').catch((error: unknown) => {
      rethrowDeath(error);
      // Its retention ended meanwhile: it was forgotten, not retried.
      if (this.open.delete(job.id ?? '')) this.counts.failed++;
    });
  }

  async #act(stream: Stream, job: HeldJob, queues: DestinationQueues): Promise<void> {
    const luck = this.random();
    const fetchNext = this.random() < 0.7;
    if (luck < 0.55) return this.#moved(stream, job, 'completed', await queues.complete(job, fetchNext));
    if (luck < 0.8) {
      const parked = this.random() < 0.3;
      const deferral = {
        delayMs: this.#below(250),
        data: job.data,
        reason: '451',
        countAttempt: true,
        parked,
      };
      return this.#moved(stream, job, 'deferred', await queues.defer(job, deferral, fetchNext));
    }
    if (luck < 0.9) {
      const failure = { data: job.data, reason: '550' };
      return this.#moved(stream, job, 'failed', await queues.fail(job, failure, fetchNext));
    }
    if ((await queues.giveBack(job)) !== undefined) this.counts.refused++;
    delete stream.job;
    if (this.random() < 0.5) stream.notBeforeMs = Date.now() + this.#below(200);
    return this.#leave(stream);
  }

  async #moved(
    stream: Stream,
    job: HeldJob,
    end: 'completed' | 'failed' | 'deferred',
    next: Taken | MoveRefusal,
  ): Promise<void> {
    delete stream.job;
    if (next.kind === 'refused') this.counts.refused++;
    // Refused: the lock was lost, somebody else has the job now.
    if (next.kind !== 'refused' && end !== 'deferred') {
      this.#end(job.id);
      this.counts[end]++;
      if (end === 'failed') this.failed.set(job.id, job.destination);
    }
    if (next.kind === 'job') stream.job = next.job;
    // The settle is a step of its own: a death in between is part of the model.
    else stream.took = true;
  }

  async #leave(stream: Stream): Promise<void> {
    const { destination, took, notBeforeMs } = stream;
    delete stream.destination;
    delete stream.notBeforeMs;
    if (destination === undefined) return;
    const rest = notBeforeMs === undefined ? {} : { notBeforeMs };
    await this.#queues[stream.worker]!.settle(destination, { took, ...rest });
  }

  #die(stream: Stream): void {
    if (stream.destination === undefined) return;
    if (stream.job !== undefined) this.#queues[stream.worker]!.release(stream.job);
    delete stream.job;
    delete stream.destination;
    delete stream.notBeforeMs;
    this.counts.crashes++;
  }

  #end(id: string): void {
    if (!this.open.delete(id)) throw new Error(`job ${id} ended twice`);
  }

  #any(): DestinationQueues {
    return this.#pick(this.#queues);
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[this.#below(from.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  #below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
}

/** A job that is no longer where the operator saw it is refused by BullMQ: that is no fault. */
function rethrowDeath(error: unknown): void {
  if (error instanceof OperatorDied) throw error;
}
