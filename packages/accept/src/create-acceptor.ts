/**
 * The acceptor. A message for destinations on one shard is one MULTI: body, record `committed`, jobs, due index. Over several
 * shards the record is `staged` on its home shard first, then the jobs are written, then the record is moved to `committed`:
 * workers put back jobs of a staged record, and one that stays staged is revoked by the sweeper.
 *
 * A message with a fixed id (a bounce; not one whose id is `freshId`) or an Idempotency-Key is `repeatable`: whoever sends it
 * again meets the same id and adds nothing. It is therefore never taken back while its commit is in doubt; the second try
 * decides. BullMQ forgets a job that was completed, so a repeated MULTI may make it again: a worker finds every recipient
 * final and drops it.
 */
import { createMessageId, messageIdRandomBytes, shardOf, type MessageId } from '@mailwheel/envelope';
import { Admission, type AdmissionState } from './admission.ts';
import type { AcceptorDeps, Transaction } from './deps.ts';
import { GroupCommit, waitForReplicas } from './group-commit.ts';
import { IdempotencyKeys, type IdempotencyRequest, type MessageIds } from './idempotency.ts';
import { allJobs, planMessage, type Plan } from './plan.ts';
import { outcomeOfError, type TransactionOutcome } from './transaction-outcome.ts';
import type { Acceptance, Acceptor, Submission } from './types.ts';
import { Withdrawals } from './withdrawal.ts';

/** A tombstone stands under the id: an earlier try was taken back. */
type Stored = Acceptance | { readonly kind: 'revoked' };

type Failure = Exclude<TransactionOutcome, { kind: 'written' }>;

interface StoreOptions extends MessageIds {
  readonly repeatable: boolean;
  readonly request?: IdempotencyRequest;
}

/** Makes the acceptor and starts its admission loop. */
export function createAcceptor<Multi extends Transaction>(deps: AcceptorDeps<Multi>): Acceptor {
  return new RedisAcceptor(deps);
}

class RedisAcceptor<Multi extends Transaction> implements Acceptor {
  readonly #deps: AcceptorDeps<Multi>;
  readonly #groups = new Map<number, GroupCommit<Multi>>();
  readonly #keys: IdempotencyKeys;
  readonly #withdrawals: Withdrawals;
  readonly #admission: Admission;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(deps: AcceptorDeps<Multi>) {
    this.#deps = deps;
    this.#keys = new IdempotencyKeys({
      client: deps.keys,
      shards: deps.shards,
      rememberMs: (deps.idempotencySeconds ?? 86_400) * 1000,
    });
    this.#withdrawals = new Withdrawals({
      revoke: (id) => deps.spool.move(id, 'revoked'),
      waitMsMax: deps.withdrawMsMax ?? 700,
    });
    this.#admission = new Admission(deps.admission);
    void this.#admission.start((answered) => {
      if (answered) void this.#withdrawals.round();
    });
  }

  async accept(submission: Submission): Promise<Acceptance> {
    if (this.#closed) return { kind: 'unavailable', reason: 'the acceptor is closed' };
    const { idempotency } = submission;
    const result =
      idempotency === undefined ? this.#acceptPlain(submission) : this.#acceptKeyed(submission, idempotency);
    this.#underWay.add(result);
    try {
      return await result;
    } finally {
      this.#underWay.delete(result);
    }
  }

  admission(): AdmissionState {
    return this.#closed ? { kind: 'unavailable', reason: 'the acceptor is closed' } : this.#admission.state();
  }

  doubtful(): number {
    return this.#withdrawals.doubtful;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#admission.close();
    await Promise.allSettled(this.#underWay);
  }

  async #acceptPlain(submission: Submission): Promise<Acceptance> {
    const ids = await this.#newIds(submission);
    if ('kind' in ids) return ids;
    const repeatable = submission.messageId !== undefined && submission.freshId !== true;
    const first = await this.#store(submission, { ...ids, repeatable });
    if (first.kind !== 'revoked') return first;
    // Only a fixed id can meet a tombstone: that of a try whose MULTI was half written and taken back.
    try {
      await this.#deps.spool.remove(ids.messageId);
    } catch (cause) {
      return refusal(outcomeOfError(cause));
    }
    return notTwice(await this.#store(submission, { ...ids, repeatable }));
  }

  async #acceptKeyed(submission: Submission, request: IdempotencyRequest): Promise<Acceptance> {
    let replaces: MessageId | undefined;
    let result: Stored = { kind: 'revoked' };
    for (let tries = 0; tries < 2 && result.kind === 'revoked'; tries++) {
      // On the second round the submission's own id may be the one that was taken back.
      const ids = await this.#newIds(submission, tries > 0);
      if ('kind' in ids) return ids;
      const claim = await this.#keys.claim(request, ids, replaces).catch(outcomeOfError);
      if (!('messageId' in claim)) return refusal(claim);
      const { messageId, messageNumber } = claim;
      if (claim.kind === 'conflict') return { kind: 'conflict', messageId };
      if (claim.kind === 'confirmed') return accepted(claim, true);
      const body = messageId === submission.messageId ? undefined : submission.bodyUnder?.(messageId);
      const stored = body === undefined ? submission : { ...submission, body };
      result = await this.#store(stored, { messageId, messageNumber, repeatable: true, request });
      replaces = messageId;
    }
    if (replaces !== undefined && (result.kind === 'full' || result.kind === 'unavailable')) {
      // A key that stays claimed only bars another request under the same key, for a while.
      await this.#keys.release(request, replaces).catch(() => undefined);
    }
    return notTwice(result);
  }

  async #newIds(submission: Submission, another = false): Promise<MessageIds | Acceptance> {
    const { randomBytes, numbers, shards } = this.#deps;
    const [first] = submission.envelope.recipients;
    if (first === undefined) throw new RangeError('a message needs a recipient');
    const messageId =
      (another ? undefined : submission.messageId) ??
      createMessageId(randomBytes(messageIdRandomBytes), shardOf(first.destination, shards));
    try {
      return { messageId, messageNumber: await numbers.next() };
    } catch (cause) {
      return refusal(outcomeOfError(cause));
    }
  }

  async #store(submission: Submission, options: StoreOptions): Promise<Stored> {
    const { spool, queue, nowMs } = this.#deps;
    const { messageId, messageNumber, request } = options;
    const plan = planMessage(submission, { messageId, messageNumber, acceptedAtMs: nowMs() }, this.#deps);
    const { home } = plan;
    const state = plan.elsewhere.length === 0 ? 'committed' : 'staged';
    const outcome = await this.#group(home.shard).run(plan.body.length, async (multi) => {
      spool.addToTransaction(multi, plan.envelope, plan.body, state);
      for (const job of home.jobs) await queue.addToTransaction(multi, job);
    });
    if (outcome.kind === 'nothing') return refusal(outcome);
    if (outcome.kind !== 'written') return this.#takeBack(plan, outcome, options);
    const result = await this.#afterRecord(plan, outcome.record, options);
    if (result.kind === 'accepted' && request !== undefined) {
      // Accepted in any case; unconfirmed, the record's tombstone answers a repetition.
      await this.#keys.confirm(request, options).catch(() => undefined);
    }
    return result;
  }

  async #afterRecord(
    plan: Plan,
    record: (TransactionOutcome & { kind: 'written' })['record'],
    options: StoreOptions,
  ): Promise<Stored> {
    switch (record) {
      case 'created':
        if (plan.elsewhere.length === 0) return accepted(options, false);
        return this.#commitStaged(plan, options);
      case 'staged':
        return this.#commitStaged(plan, options);
      case 'committed':
      case 'settled':
        return this.#repeated(options);
      case 'revoked':
        return { kind: 'revoked' };
      case undefined:
        throw new Error('the spool did not say what became of the record');
    }
  }

  async #commitStaged(plan: Plan, options: StoreOptions): Promise<Stored> {
    const { queue, spool, replicas } = this.#deps;
    const outcomes = await Promise.all(
      plan.elsewhere.map(({ shard, jobs }) =>
        this.#group(shard).run(0, async (multi) => {
          for (const job of jobs) await queue.addToTransaction(multi, job);
        }),
      ),
    );
    for (const outcome of outcomes) {
      if (outcome.kind !== 'written') return this.#abandonStaged(plan, outcome, options);
    }
    let failure: TransactionOutcome | undefined;
    try {
      if (!(await spool.move(options.messageId, 'committed'))) return { kind: 'revoked' };
      if (replicas !== undefined) failure = await waitForReplicas(replicas, plan.home.shard);
    } catch (cause) {
      failure = outcomeOfError(cause);
    }
    if (failure === undefined || failure.kind === 'written') return accepted(options, false);
    return this.#takeBack(plan, failure, options);
  }

  /** Not unknown in any case: only we or a repetition would commit a staged record, and the sweeper revokes it. */
  async #abandonStaged(plan: Plan, failure: Failure, options: StoreOptions): Promise<Acceptance> {
    const answer = await this.#takeBack(plan, failure, options);
    return answer.kind === 'unknown' ? refusal(failure) : answer;
  }

  /** Something may be stored of a message that was not accepted. */
  async #takeBack(plan: Plan, failure: Failure, options: StoreOptions): Promise<Acceptance> {
    const { queue, spool, scriptsLost } = this.#deps;
    const { messageId } = options;
    if (failure.kind === 'unsure' && options.repeatable) return unknown(failure);
    // Not in the background for a repeatable one: that might take back what a second try stored.
    const withdrawn = await this.#withdrawals.withdraw(messageId, { goOn: !options.repeatable });
    if (failure.kind !== 'unsure' && withdrawn !== 'too-late') {
      try {
        await queue.discardHalfWritten(allJobs(plan));
        // An id that comes again must be free. Otherwise the tombstone stays: it tells a worker that meets one of the jobs
        // written whole to drop it.
        if (withdrawn === 'revoked' && options.repeatable) await spool.remove(messageId);
      } catch {
        // Nothing is delivered: the tombstone stands. Half a job that is left is met by no worker.
      }
    }
    if (failure.kind === 'half-written' && failure.scriptsLost) {
      for (const { shard } of [plan.home, ...plan.elsewhere]) scriptsLost?.(shard);
    }
    return withdrawn === 'revoked' ? refusal(failure) : unknown(failure);
  }

  /** The record was there: its own number, if it still can be read. */
  async #repeated(options: StoreOptions): Promise<Acceptance> {
    if (options.request !== undefined) return accepted(options, true);
    const found = await this.#deps.spool.read(options.messageId).catch(() => undefined);
    const messageNumber = found?.envelope.messageNumber ?? options.messageNumber;
    return accepted({ messageId: options.messageId, messageNumber }, true);
  }

  #group(shard: number): GroupCommit<Multi> {
    const { queue, replicas } = this.#deps;
    let group = this.#groups.get(shard);
    if (group === undefined) {
      const begin = (): Promise<Multi> => queue.transaction(shard);
      group = new GroupCommit({ shard, begin, ...(replicas !== undefined && { replicas }) });
      this.#groups.set(shard, group);
    }
    return group;
  }
}

function accepted({ messageId, messageNumber }: MessageIds, repeated: boolean): Acceptance {
  return { kind: 'accepted', messageId, messageNumber, repeated };
}

function refusal(outcome: TransactionOutcome): Acceptance {
  if (outcome.kind === 'written') throw new Error('a written message was to be refused');
  if (outcome.kind === 'nothing' && outcome.why === 'full') return { kind: 'full', reason: outcome.reason };
  return withCause('unavailable', outcome);
}

function unknown(failure: Failure): Acceptance {
  return withCause('unknown', failure);
}

function withCause(kind: 'unavailable' | 'unknown', { reason, cause }: Failure): Acceptance {
  return cause === undefined ? { kind, reason } : { kind, reason, cause };
}

function notTwice(result: Stored): Acceptance {
  if (result.kind !== 'revoked') return result;
  return { kind: 'unavailable', reason: 'the message was taken back while it was being stored' };
}
