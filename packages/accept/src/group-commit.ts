/**
 * Group commit of one shard. Each accept is a MULTI of its own; those that arrive while a group is under way are sent
 * together when it is done: one write to the socket's buffer, one turn of Redis's loop, hence one fsync, and one WAIT for
 * all of them, sent behind them on the same connection (WAIT covers the writes of its own connection only).
 *
 * Rejected: one WAIT per accept. It holds back whatever follows on the connection (5,100 accepts a second against 8,300).
 */
import type { ReplicaDeps, Transaction } from './deps.ts';
import { outcomeOfError, outcomeOfReplies, type TransactionOutcome } from './transaction-outcome.ts';

export interface GroupCommitOptions<Multi extends Transaction> {
  readonly shard: number;
  readonly begin: () => Promise<Multi>;
  readonly replicas?: ReplicaDeps;
  /** Accepts of one group at most. Default 64. */
  readonly entriesMax?: number;
  /** Bytes of bodies in one group at most (a single larger one goes alone). Default 16 MiB. */
  readonly bytesMax?: number;
}

interface Waiting<Multi> {
  readonly bytes: number;
  readonly fill: (multi: Multi) => Promise<void>;
  readonly done: (outcome: TransactionOutcome) => void;
}

export class GroupCommit<Multi extends Transaction> {
  readonly #options: GroupCommitOptions<Multi>;
  readonly #waiting: Waiting<Multi>[] = [];
  #underWay = false;

  constructor(options: GroupCommitOptions<Multi>) {
    this.#options = options;
  }

  /** Never rejects: what went wrong is the outcome. */
  run(bytes: number, fill: (multi: Multi) => Promise<void>): Promise<TransactionOutcome> {
    return new Promise((done) => {
      this.#waiting.push({ bytes, fill, done });
      this.#start();
    });
  }

  #start(): void {
    if (this.#underWay || this.#waiting.length === 0) return;
    this.#underWay = true;
    // After this tick, so that accepts of the same tick share the group.
    queueMicrotask(() => {
      void this.#commit(this.#take()).finally(() => {
        this.#underWay = false;
        this.#start();
      });
    });
  }

  #take(): Waiting<Multi>[] {
    const { entriesMax = 64, bytesMax = 16_777_216 } = this.#options;
    let count = 0;
    let bytes = 0;
    for (const entry of this.#waiting) {
      bytes += entry.bytes;
      if (count === entriesMax || (count > 0 && bytes > bytesMax)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(group: readonly Waiting<Multi>[]): Promise<void> {
    const filled = await Promise.all(group.map((entry) => this.#fill(entry)));
    // From here to the WAIT nothing is awaited: it all leaves in one go and in this order.
    const outcomes = filled.map(({ multi, failure }) =>
      multi === undefined ? Promise.resolve(failure) : execute(multi),
    );
    const acknowledged = this.#wait();
    await Promise.all(
      group.map(async (entry, place) => {
        const outcome = (await outcomes[place]) ?? outcomeOfError(new Error('the group lost an entry'));
        entry.done(outcome.kind === 'written' ? ((await acknowledged) ?? outcome) : outcome);
      }),
    );
  }

  async #fill(
    entry: Waiting<Multi>,
  ): Promise<{ readonly multi?: Multi; readonly failure?: TransactionOutcome }> {
    try {
      const multi = await this.#options.begin();
      await entry.fill(multi);
      return { multi };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return { failure: { kind: 'nothing', why: 'unavailable', reason, cause } };
    }
  }

  /** Undefined: enough replicas have it, or none was asked for. */
  async #wait(): Promise<TransactionOutcome | undefined> {
    const { replicas, shard } = this.#options;
    return replicas === undefined ? undefined : waitForReplicas(replicas, shard);
  }
}

/** Undefined: enough replicas have what this connection wrote. */
export async function waitForReplicas(
  replicas: ReplicaDeps,
  shard: number,
): Promise<TransactionOutcome | undefined> {
  const { wanted, timeoutMs } = replicas;
  try {
    const count = await replicas.wait(shard, wanted, timeoutMs);
    if (count >= wanted) return undefined;
    return { kind: 'unsure', reason: `${count} of ${wanted} replicas acknowledged within ${timeoutMs} ms` };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { kind: 'unsure', reason: `no acknowledgement of the replicas: ${reason}`, cause };
  }
}

async function execute(multi: Transaction): Promise<TransactionOutcome> {
  try {
    return outcomeOfReplies(await multi.exec());
  } catch (cause) {
    return outcomeOfError(cause);
  }
}
