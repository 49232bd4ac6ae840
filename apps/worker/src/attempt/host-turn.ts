/**
 * One host's turn within an attempt: a transaction, and the further ones that the verdict table grants on the same host
 * (fresh connection, plain text, the rest of the recipients). Judges what is said and tells the board.
 */
import type { LedgerEntry, Recipient } from '@mailwheel/envelope';
import type { TransactionReport } from '@mailwheel/delivery';
import type { HostOutcome, Pick } from '@mailwheel/rotation';
import type { Happening, NextStep } from '@mailwheel/verdict';
import type { AttemptDependencies, AttemptInput } from './attempt.ts';
import type { RecipientBoard } from './board.ts';
import { hostOutcome } from './health.ts';
import { ledgerOf, type Judgement } from './ledger.ts';

interface Manner {
  fresh: boolean;
  plainText: boolean;
  withoutPipelining: boolean;
  retried: boolean;
  /** This transaction is for recipients the host put off in the one before it (row 12). */
  rest: boolean;
}

export class HostTurn {
  readonly ledger: LedgerEntry[] = [];
  readonly relayed: number[] = [];
  readonly judgements: Judgement[] = [];
  localAddress = '';
  readonly #deps: AttemptDependencies;
  readonly #input: AttemptInput;
  readonly #pick: Extract<Pick, { kind: 'host' }>;
  readonly #board: RecipientBoard;
  readonly #deadlineMs: number;
  /** Recipients that this host refused in a way another host should hear about: not offered to it again in this turn. */
  readonly #doneHere = new Set<number>();
  #acceptedCount = 0;

  constructor(
    deps: AttemptDependencies,
    input: AttemptInput,
    turn: {
      readonly pick: Extract<Pick, { kind: 'host' }>;
      readonly board: RecipientBoard;
      readonly deadlineMs: number;
    },
  ) {
    this.#deps = deps;
    this.#input = input;
    this.#pick = turn.pick;
    this.#board = turn.board;
    this.#deadlineMs = turn.deadlineMs;
  }

  async run(): Promise<'asked' | 'busy' | 'dropped'> {
    const manner: Manner = {
      fresh: false,
      plainText: this.#deps.plainText.has(this.#pick.host.key, this.#deps.monotonicMs()),
      withoutPipelining: false,
      retried: false,
      rest: false,
    };
    for (let transactions = 0; ; transactions += 1) {
      const offered = this.#board.open().filter((recipient) => !this.#doneHere.has(recipient.index));
      if (offered.length === 0) return 'asked';
      const report = await this.#transact(offered, manner);
      if ('kind' in report) return transactions === 0 ? 'busy' : 'asked';
      if (report.fenced) return 'dropped';
      this.localAddress = report.localAddress ?? this.localAddress;
      const steps = this.#digest(offered, report, manner);
      if (!this.#again(steps, manner)) return 'asked';
    }
  }

  /** What the turn taught about the host; undefined: nothing that must be reported. */
  healthOutcome(): HostOutcome | undefined {
    // What a same-host step repaired is no fault of the host: only judgements that were not retried count.
    const lasting = this.judgements.filter(
      (one) =>
        one.verdict.next === 'stop' || one.verdict.next === 'next-host' || one.verdict.health !== 'none',
    );
    return hostOutcome(
      this.#pick.mode,
      lasting.map((one) => one.verdict),
      this.#acceptedCount,
    );
  }

  async #transact(
    offered: readonly Recipient[],
    manner: Manner,
  ): ReturnType<AttemptDependencies['delivery']['transact']> {
    const { envelope, body, job } = this.#input;
    return this.#deps.delivery.transact({
      host: this.#pick.host,
      reversePath: envelope.reversePath,
      recipients: offered,
      body,
      smtpUtf8: envelope.smtpUtf8,
      bodyType: envelope.body,
      ...(envelope.ret === undefined ? {} : { ret: envelope.ret }),
      ...(envelope.envid === undefined ? {} : { envid: envelope.envid }),
      fence: () => this.#deps.fence(job),
      fresh: manner.fresh,
      plainText: manner.plainText,
      withoutPipelining: manner.withoutPipelining,
      deadlineMs: this.#deadlineMs,
    });
  }

  #digest(offered: readonly Recipient[], report: TransactionReport, manner: Manner): Set<NextStep> {
    const atMs = this.#deps.nowMs();
    const { host } = this.#pick;
    for (const { index, reply } of report.accepted) this.#board.accepted(index, reply, { host, atMs });
    if (report.accepted.length > 0) {
      this.#acceptedCount += report.accepted.length;
      this.#deps.tally.add(host.key);
      if (!report.dsnPassedOn) this.#noteRelayed(offered, report);
    }
    const judgements = this.#judge(offered, report, manner);
    for (const judgement of judgements) {
      for (const index of judgement.indices) {
        this.#board.judged(index, { verdict: judgement.verdict, happening: judgement.happening, host, atMs });
        if (judgement.verdict.next === 'next-host') this.#doneHere.add(index);
      }
    }
    this.judgements.push(...judgements);
    const { job } = this.#input;
    const context = { jobId: job.id, attempt: job.attemptsMade + 1, host, atMs };
    this.ledger.push(...ledgerOf(context, report, judgements));
    return new Set(judgements.map((judgement) => judgement.verdict.next));
  }

  #judge(offered: readonly Recipient[], report: TransactionReport, manner: Manner): Judgement[] {
    const judgements: Judgement[] = [];
    const spokenFor = new Set(report.accepted.map((one) => one.index));
    for (const { index, happening } of report.refused) {
      spokenFor.add(index);
      const asSeen = seen(happening, manner);
      judgements.push({ indices: [index], happening: asSeen, verdict: this.#deps.judge(asSeen) });
    }
    if (report.happening !== undefined) {
      const asSeen = seen(report.happening, manner);
      const indices = offered.filter((one) => !spokenFor.has(one.index)).map((one) => one.index);
      if (indices.length > 0)
        judgements.push({ indices, happening: asSeen, verdict: this.#deps.judge(asSeen) });
    }
    return judgements;
  }

  #noteRelayed(offered: readonly Recipient[], report: TransactionReport): void {
    const wanting = new Set(
      offered.filter((one) => one.notify?.includes('SUCCESS') === true).map((one) => one.index),
    );
    if (wanting.size === 0) return;
    for (const { index } of report.accepted) if (wanting.has(index)) this.relayed.push(index);
  }

  /** Whether the table grants one more transaction on this host, and in what manner. */
  #again(steps: ReadonlySet<NextStep>, manner: Manner): boolean {
    if (steps.has('same-host-plain') && !manner.plainText) {
      this.#deps.plainText.remember(this.#pick.host.key, this.#deps.monotonicMs());
      manner.plainText = true;
      return true;
    }
    if (steps.has('same-host-fresh') && !manner.retried) {
      manner.fresh = true;
      manner.retried = true;
      manner.withoutPipelining ||= this.judgements.at(-1)?.verdict.withoutPipelining === true;
      return true;
    }
    manner.fresh = false;
    manner.rest = steps.has('same-host-rest');
    return manner.rest;
  }
}

/** The happening with what only the turn knows. */
function seen(happening: Happening, manner: Manner): Happening {
  return { ...happening, sameHostRetried: manner.retried, ...(manner.rest ? { restTransaction: true } : {}) };
}
