/**
 * Group commit of one shard. Accepts that arrive while a group is under way are one MULTI when it is done: one turn of
 * Redis's loop, hence one fsync, and one WAIT for all of them, sent behind it on the same connection (WAIT covers the writes
 * of its own connection only). EXEC does not stop at an entry that fails, so each accept is judged by its own replies.
 *
 * Rejected: a MULTI per accept. ioredis copies every registered script into each (a fifth of the ingress's CPU), and two
 * more commands have to be sent and answered.
 * Rejected: one WAIT per accept. It holds back whatever follows on the connection (5,100 accepts a second against 8,300).
 */
import type { ExecReplies, ReplicaDeps, Transaction } from './deps.ts';
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

interface EntryOutcome {
  readonly outcome: TransactionOutcome;
  /** What is missing for a written entry to count, once the replicas were heard. */
  readonly acknowledged?: Promise<TransactionOutcome | undefined>;
}

const lostEntry: EntryOutcome = { outcome: outcomeOfError(new Error('the group lost an entry')) };

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
    const outcomes = await this.#outcomes(group);
    await Promise.all(
      group.map(async (entry, place) => {
        const { outcome, acknowledged } = outcomes[place] ?? lostEntry;
        entry.done(outcome.kind === 'written' ? ((await acknowledged) ?? outcome) : outcome);
      }),
    );
  }

  /** In the order of the group. */
  async #outcomes(group: readonly Waiting<Multi>[]): Promise<readonly EntryOutcome[]> {
    let multi: Multi;
    try {
      multi = await this.#options.begin();
    } catch (cause) {
      return group.map(() => ({ outcome: notBegun(cause) }));
    }
    const empty = multi.length;
    const ends: number[] = [];
    try {
      for (const entry of group) {
        await entry.fill(multi);
        ends.push(multi.length - empty);
      }
    } catch (cause) {
      // What it wrote before it failed is in the MULTI and cannot be taken out: nothing of it is sent.
      if (group.length === 1) return [{ outcome: notBegun(cause) }];
      return (await Promise.all(group.map((entry) => this.#outcomes([entry])))).flat();
    }
    // From here to the WAIT nothing is awaited: both leave in one go and in this order.
    const executed = execute(multi);
    const acknowledged = this.#wait();
    const result = await executed;
    return ends.map((end, place) => {
      if ('outcome' in result) return { outcome: result.outcome };
      const replies = result.replies?.slice(place === 0 ? 0 : ends[place - 1], end) ?? null;
      return { outcome: outcomeOfReplies(replies), acknowledged };
    });
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

async function execute(
  multi: Transaction,
): Promise<{ readonly replies: ExecReplies } | { readonly outcome: TransactionOutcome }> {
  try {
    return { replies: await multi.exec() };
  } catch (cause) {
    return { outcome: outcomeOfError(cause) };
  }
}

function notBegun(cause: unknown): TransactionOutcome {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return { kind: 'nothing', why: 'unavailable', reason, cause };
}
