/**
 * BullMQ's backend as the board may use it. `Queue`, `Job` and `FlowProducer` do everything through their backend, so this is
 * the one gate: reading passes, a few acts pass with the due index touched around them and an audit entry, removing becomes
 * deleting in our sense, and everything else is refused, also what a later BullMQ may add (the test lists every method).
 */
import type { DestinationKey } from '@mailwheel/envelope';
import { QueueKeys, RedisQueueBackend, type IQueueBackend } from 'bullmq';
import { OperationRefused } from '../errors.ts';

export type BoardOperation = 'pause' | 'resume' | 'promote' | 'promote-all' | 'retry' | 'delete' | 'refused';

/** One line of the audit: what somebody did, or tried to. */
export interface BoardAct {
  readonly operation: BoardOperation;
  readonly destination: DestinationKey;
  readonly jobId?: string;
  /** What was refused, or why it failed. */
  readonly detail?: string;
  readonly outcome: 'done' | 'failed';
}

/** What the console provides. */
export interface BoardHooks {
  /** Brings the destination forward in the due index (`DestinationQueues.touch`). */
  touch(destination: DestinationKey): Promise<void>;
  audit(act: BoardAct): void;
  /** Deletes in our sense: a final result for each open recipient, and the job gone. */
  deleteJob(destination: DestinationKey, jobId: string): Promise<void>;
  /** Delivers a failed job again in our sense: its recipients are open again, and a fresh job for them is in its place. */
  retryJob(destination: DestinationKey, jobId: string): Promise<void>;
}

/** Methods of the backend that read, or only concern the object itself. */
export const readingMethods: ReadonlySet<string> = new Set([
  'forQueue',
  'toKey',
  'parseNodeKey',
  'clientName',
  'forwardConnectionEvents',
  'waitUntilReady',
  'close',
  'disconnect',
  'setName',
  'disconnectBlocking',
  'reconnectBlocking',
  'execCommand',
  'isJobInState',
  'getKeepJobs',
  'getRanges',
  'getJobs',
  'getCounts',
  'getCountsPerPriority',
  'getDependencyCounts',
  'isFinished',
  'getState',
  'isMaxed',
  'getRateLimitTtl',
  'getJobScheduler',
  'isJobScheduler',
  'getJobSchedulerData',
  'getJobSchedulersRange',
  'getJobSchedulersCount',
  'getMetrics',
  'getClientList',
  'paginate',
  'finishedErrors',
  'getJobData',
  'getDeduplicationJobId',
  'getJobLogs',
  'getProcessedChildrenValues',
  'getIgnoredChildrenFailures',
  'getDependencies',
  'getQueueMetaField',
  'getQueueMetaFields',
  'getQueueMeta',
  'hasQueueMetaField',
  'waitForJob',
  'readEvents',
]);

/** Methods the board may use, in our form. */
export const allowedActs: ReadonlySet<string> = new Set([
  'pause',
  'promote',
  'promoteJobs',
  'retryFinishedJob',
  'remove',
]);

const whyRefused =
  'jobs are an index over message records, and limits are settings. Use pause, resume, promote, retry or remove.';

export class BoardBackend extends RedisQueueBackend {
  readonly #root: RedisQueueBackend;
  readonly #destination: DestinationKey;
  readonly #hooks: BoardHooks;

  constructor(
    root: RedisQueueBackend,
    place: { readonly destination: DestinationKey; readonly prefix: string },
    hooks: BoardHooks,
  ) {
    const keys = new QueueKeys(place.prefix);
    super(
      root.connection,
      place.destination,
      keys.getKeys(place.destination),
      (type) => keys.toKey(place.destination, type),
      // `prefix` is Redis's alone and not in the type.
      { connection: {}, prefix: place.prefix } as never,
      undefined,
      // The connection belongs to whoever opened it: closing this object closes nothing.
      false,
    );
    this.#root = root;
    this.#destination = place.destination;
    this.#hooks = hooks;
  }

  override forQueue(name: string, prefix?: string): IQueueBackend {
    const place = { destination: name as DestinationKey, prefix: prefix ?? this.redisPrefix };
    return new BoardBackend(this.#root, place, this.#hooks);
  }

  override pause(paused: boolean): Promise<void> {
    return this.#act({ operation: paused ? 'pause' : 'resume' }, () => super.pause(paused));
  }

  override promote(jobId: string): Promise<void> {
    return this.#act({ operation: 'promote', jobId }, () => super.promote(jobId));
  }

  /** Classes of priority are lost: BullMQ puts all of them into the plain list. */
  override promoteJobs(count?: number): Promise<number> {
    return this.#act({ operation: 'promote-all' }, () => super.promoteJobs(count));
  }

  /** BullMQ's own retry would put back data that name only the recipients of the last attempt, and its counts. */
  override retryFinishedJob(...[job]: Parameters<RedisQueueBackend['retryFinishedJob']>): Promise<void> {
    const jobId = job.id ?? '';
    return this.#act({ operation: 'retry', jobId }, () => this.#hooks.retryJob(this.#destination, jobId));
  }

  /** @returns 1, as BullMQ does for a job that is gone. */
  override remove(jobId: string): Promise<number> {
    return this.#act({ operation: 'delete', jobId }, async () => {
      await this.#hooks.deleteJob(this.#destination, jobId);
      return 1;
    });
  }

  /** Refuses, and says so in the audit. */
  refuse(method: string): OperationRefused {
    this.#hooks.audit({
      operation: 'refused',
      destination: this.#destination,
      detail: method,
      outcome: 'failed',
    });
    return new OperationRefused(method, whyRefused);
  }

  async #act<T>(
    act: { readonly operation: BoardOperation; readonly jobId?: string },
    run: () => Promise<T>,
  ): Promise<T> {
    const entry = { ...act, destination: this.#destination };
    let result: T;
    try {
      await this.#hooks.touch(this.#destination);
      result = await run();
      await this.#hooks.touch(this.#destination);
    } catch (error) {
      this.#hooks.audit({ ...entry, outcome: 'failed', detail: String(error) });
      throw error;
    }
    this.#hooks.audit({ ...entry, outcome: 'done' });
    return result;
  }
}

/** Argument builders touch nothing: `pauseArgs`, `removeArgs`. */
function buildsArguments(method: string): boolean {
  return method.endsWith('Args');
}

/** Every method of BullMQ's backend that is neither reading nor an allowed act. */
export function refusedMethods(): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(RedisQueueBackend.prototype))
    .filter(([name, { value }]) => typeof value === 'function' && name !== 'constructor')
    .map(([name]) => name)
    .filter((name) => !readingMethods.has(name) && !allowedActs.has(name) && !buildsArguments(name));
}

for (const method of refusedMethods()) {
  Object.defineProperty(BoardBackend.prototype, method, {
    // Async: callers of BullMQ expect a rejection, not a throw.
    value: async function refused(this: BoardBackend): Promise<never> {
      throw this.refuse(method);
    },
  });
}
