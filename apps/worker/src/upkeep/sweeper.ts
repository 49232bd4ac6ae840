/**
 * Repairs what foreign hands, or a fault between record and move, left behind (design sections 4 and 5). It compares both
 * ways: recipients open and their job missing, the job is made again; a queue that holds a job and is not in the due
 * index, or is there too late, is settled. Every repair is counted. Runs in one worker at a time, at a stated pace.
 *
 * A job counts as missing only when it was missing in two sweeps and its record is read again in between: an attempt
 * records first and moves then, so a job that is gone while its record is open is either lost or being written down.
 */
import {
  jobId,
  splitIntoJobs,
  type DestinationKey,
  type Envelope,
  type JobData,
  type JobId,
  type JobPart,
  type MessageId,
} from '@mailwheel/envelope';
import type { NewJob } from '@mailwheel/queue';
import type { MessageRecord } from '@mailwheel/spool';

export interface SweepStore {
  /** One portion of the due index repair; cursor `0` ends it. */
  sweepQueues(shard: number, cursor: string): Promise<{ readonly cursor: string; readonly repaired: number }>;
  scanRecords(
    shard: number,
    cursor: string,
    count: number,
  ): Promise<{ readonly cursor: string; readonly ids: readonly MessageId[] }>;
  read(id: MessageId): Promise<MessageRecord | undefined>;
  revoke(id: MessageId): Promise<boolean>;
  jobExists(destination: DestinationKey, id: JobId): Promise<boolean>;
  addAgain(jobs: readonly NewJob[]): Promise<void>;
}

export interface SweeperOptions {
  readonly shards: number;
  readonly recordsPerPortion: number;
  readonly stagedMsMax: number;
  readonly recipientsPerJobMax: number;
  /** Missing jobs remembered from one sweep to the next. */
  readonly suspectsMax: number;
}

export interface SweepWatch {
  repaired(what: 'due-index' | 'missing-job' | 'staged-record', count: number): void;
}

export class Sweeper {
  readonly #store: SweepStore;
  readonly #options: SweeperOptions;
  readonly #watch: SweepWatch;
  readonly #nowMs: () => number;
  #suspects = new Set<JobId>();
  #missing = new Set<JobId>();

  constructor(
    store: SweepStore,
    options: SweeperOptions,
    around: { readonly watch: SweepWatch; readonly nowMs: () => number },
  ) {
    this.#store = store;
    this.#options = options;
    this.#watch = around.watch;
    this.#nowMs = around.nowMs;
  }

  /** One whole sweep; `pause` is called between portions and sets the pace. False from it ends the sweep early. */
  async sweep(pause: () => Promise<boolean>): Promise<void> {
    for (let shard = 0; shard < this.#options.shards; shard += 1) {
      if (!(await this.#sweepQueues(shard, pause))) return;
      if (!(await this.#sweepRecords(shard, pause))) return;
    }
    this.#suspects = this.#missing;
    this.#missing = new Set();
  }

  async #sweepQueues(shard: number, pause: () => Promise<boolean>): Promise<boolean> {
    let cursor = '0';
    do {
      const portion = await this.#store.sweepQueues(shard, cursor);
      if (portion.repaired > 0) this.#watch.repaired('due-index', portion.repaired);
      cursor = portion.cursor;
      if (!(await pause())) return false;
    } while (cursor !== '0');
    return true;
  }

  async #sweepRecords(shard: number, pause: () => Promise<boolean>): Promise<boolean> {
    let cursor = '0';
    do {
      const portion = await this.#store.scanRecords(shard, cursor, this.#options.recordsPerPortion);
      for (const id of portion.ids) await this.#check(id);
      cursor = portion.cursor;
      if (!(await pause())) return false;
    } while (cursor !== '0');
    return true;
  }

  async #check(id: MessageId): Promise<void> {
    const record = await this.#store.read(id);
    if (record === undefined) return;
    const ageMs = this.#nowMs() - record.envelope.acceptedAtMs;
    if (record.state === 'staged') {
      if (ageMs > this.#options.stagedMsMax && (await this.#store.revoke(id)))
        this.#watch.repaired('staged-record', 1);
      return;
    }
    if (record.state !== 'committed') return;
    for (const part of partsOf(record.envelope, this.#options.recipientsPerJobMax)) {
      const open = part.indices.filter((index) => !record.results.has(index));
      if (open.length > 0) await this.#checkJob(id, part, open);
    }
  }

  async #checkJob(id: MessageId, part: JobPart, open: readonly number[]): Promise<void> {
    const job = jobId(id, part.part);
    if (await this.#store.jobExists(part.destination, job)) return;
    if (!this.#suspects.has(job)) {
      if (this.#missing.size < this.#options.suspectsMax) this.#missing.add(job);
      return;
    }
    const again = await this.#store.read(id);
    if (again?.state !== 'committed') return;
    const stillOpen = open.filter((index) => !again.results.has(index));
    if (stillOpen.length === 0) return;
    await this.#store.addAgain([jobFor(again.envelope, part, stillOpen)]);
    this.#watch.repaired('missing-job', 1);
  }
}

function partsOf(envelope: Envelope, recipientsPerJobMax: number): readonly JobPart[] {
  return splitIntoJobs(envelope.recipients, { recipientsPerJobMax });
}

/** The job as an accept would write it, for the recipients that are still open. */
export function jobFor(envelope: Envelope, part: JobPart, open: readonly number[]): NewJob {
  const data: JobData = {
    v: 1,
    message: envelope.messageId,
    from: envelope.reversePath,
    to: open.map((index) => [index, envelope.recipients[index]?.address ?? ''] as const),
    acceptedAtMs: envelope.acceptedAtMs,
    priority: envelope.priority,
  };
  return {
    id: jobId(envelope.messageId, part.part),
    destination: part.destination,
    data,
    priority: envelope.priority,
  };
}
