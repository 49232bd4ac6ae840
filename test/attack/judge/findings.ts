/** From the evidence to findings: what the tier promised, and where it did not keep it. */
import type { RefusalRecord, TransactionRecord } from '../records.ts';
import { Causes, type Cause } from './causes.ts';
import type { Evidence, Submission } from './evidence.ts';

export interface Finding {
  readonly what:
    | 'lost'
    | 'wrong host'
    | 'body changed'
    | 'reached somebody though it was refused'
    | 'reached somebody though it was never finished'
    | 'reached some of its recipients only'
    | 'second copy without a cause'
    | 'a message that nobody submitted'
    | 'other message id than was told';
  readonly number: number;
  readonly detail: string;
}

export interface Tally {
  accepted: number;
  refused: number;
  /** Answered 4xx and counted accept_unknown; of these, reached somebody. */
  unknown: number;
  unknownReached: number;
  silent: number;
  silentReached: number;
  unfinished: number;
  recipients: number;
  delivered: number;
  bounced: number;
  transactions: number;
  reports: number;
  /** Copies that were between 354 and record when a fault met them. */
  readonly exposed: Map<Cause, number>;
  readonly secondCopies: Map<Cause, number>;
}

export interface Judgement {
  readonly tally: Tally;
  readonly findings: readonly Finding[];
}

/** A refusal is recorded after the report about it was stored, which is an accept of its own. */
const reportMs = 1_000;

/** What a submission was told. */
type Told = 'accepted' | 'refused' | 'perhaps' | 'unfinished';

export function judge(evidence: Evidence): Judgement {
  return new Judge(evidence).run();
}

class Judge {
  readonly #evidence: Evidence;
  readonly #causes: Causes;
  readonly #findings: Finding[] = [];
  readonly #tally: Tally = {
    accepted: 0,
    refused: 0,
    unknown: 0,
    unknownReached: 0,
    silent: 0,
    silentReached: 0,
    unfinished: 0,
    recipients: 0,
    delivered: 0,
    bounced: 0,
    transactions: 0,
    reports: 0,
    exposed: new Map(),
    secondCopies: new Map(),
  };
  readonly #domains = new Map<string, string>();

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    this.#causes = new Causes(evidence);
    for (const [domain, hosts] of Object.entries(evidence.layout.hostsOf)) {
      for (const host of hosts) this.#domains.set(host, domain);
    }
  }

  run(): Judgement {
    const { submissions, transactions, reports, strange } = this.#evidence;
    for (const detail of strange) this.#find('a message that nobody submitted', 0, detail);
    for (const number of [...transactions.keys(), ...reports.keys()]) {
      if (!submissions.has(number)) this.#find('a message that nobody submitted', number, '');
    }
    for (const submission of submissions.values()) this.#judge(submission);
    return { tally: this.#tally, findings: this.#findings };
  }

  #find(what: Finding['what'], number: number, detail: string): void {
    this.#findings.push({ what, number, detail });
  }

  #judge(submission: Submission): void {
    const { number, to } = submission.submit;
    const came = this.#evidence.transactions.get(number) ?? [];
    const taken = came.filter((one) => one.outcome === 'taken');
    const reports = (this.#evidence.reports.get(number) ?? []).filter((one) => one.outcome === 'taken');
    this.#tally.transactions += taken.length;
    this.#tally.reports += reports.length;
    for (const one of taken) this.#judgeCopy(submission, one);
    for (const one of came) this.#countExposed(one);
    const reached = this.#reached(submission, taken, reports);
    const told = toldOf(submission);
    switch (told) {
      case 'accepted':
        this.#accepted(submission, reached, taken);
        break;
      case 'refused':
        this.#refused(submission, reached, came);
        break;
      case 'perhaps':
        this.#tally.silent += 1;
        if (reached.size > 0) this.#tally.silentReached += 1;
        if (reached.size > 0 && reached.size < to.length) this.#halfReached(submission, reached);
        break;
      case 'unfinished':
        this.#tally.unfinished += 1;
        if (came.length > 0) {
          this.#find('reached somebody though it was never finished', number, describe(came));
        }
    }
    this.#secondCopies(submission, taken, reports);
  }

  /** A cut or a kill met it: whether or not a second copy came of it. */
  #countExposed(record: TransactionRecord): void {
    if (record.outcome !== 'taken') return;
    const cause = this.#causes.ofTransaction(record);
    if (cause !== undefined) increase(this.#tally.exposed, cause, record.to.length);
  }

  #judgeCopy({ submit }: Submission, copy: TransactionRecord): void {
    const digest = submit.via === 'json' ? copy.contentDigest : copy.digest;
    if (digest !== submit.digest) this.#find('body changed', submit.number, describe([copy]));
    const domain = this.#domains.get(copy.host) ?? '';
    for (const address of copy.to) {
      if (!submit.to.includes(address) || !address.endsWith(`@${domain}`)) {
        this.#find('wrong host', submit.number, `${address} at ${copy.host}`);
      }
    }
  }

  /** Recipients that the message was delivered to, or a report about them to its sender. */
  #reached(
    { submit }: Submission,
    taken: readonly TransactionRecord[],
    reports: readonly TransactionRecord[],
  ): Set<string> {
    const delivered = new Set(taken.flatMap((one) => one.to));
    const bounced = new Set(reports.flatMap(failedIn));
    for (const one of reports) {
      if (one.to.length !== 1 || one.to[0] !== submit.from) {
        this.#find('wrong host', submit.number, `a report at ${one.to.join(', ')}`);
      }
    }
    const reached = new Set<string>();
    for (const address of new Set(submit.to)) {
      if (delivered.has(address)) this.#tally.delivered += 1;
      else if (bounced.has(address)) this.#tally.bounced += 1;
      else continue;
      reached.add(address);
    }
    return reached;
  }

  #accepted(
    { submit, answers }: Submission,
    reached: ReadonlySet<string>,
    taken: readonly TransactionRecord[],
  ): void {
    this.#tally.accepted += 1;
    this.#tally.recipients += submit.to.length;
    const lost = submit.to.filter((address) => !reached.has(address));
    const id = answers.find((answer) => answer.code < 300)?.id ?? 'an id that was not told';
    if (lost.length > 0) this.#find('lost', submit.number, `${id}: ${lost.join(', ')}`);
    for (const copy of taken) {
      if (copy.id !== id) {
        this.#find('other message id than was told', submit.number, `${copy.id ?? 'none'} for ${id}`);
      }
    }
  }

  #refused(submission: Submission, reached: ReadonlySet<string>, came: readonly TransactionRecord[]): void {
    const { submit } = submission;
    const ids = new Set(came.map((one) => one.id ?? ''));
    const counted = came.length > 0 && [...ids].every((id) => this.#evidence.unknownAccepts.has(id));
    if (came.length === 0 && reached.size === 0) {
      this.#tally.refused += 1;
      return;
    }
    this.#tally.unknown += 1;
    this.#tally.unknownReached += 1;
    if (!counted && !this.#countDied(submission)) {
      const replies = submission.answers.map(({ code, reply, atMs }) => `${code} ${reply} (${atMs})`);
      const detail = `${replies.join('; ')}: ${describe(came)}`;
      this.#find('reached somebody though it was refused', submit.number, detail);
    }
    if (reached.size < submit.to.length) this.#halfReached(submission, reached);
  }

  /** The ingress that answered was killed before the line about it was out. */
  #countDied({ answers }: Submission): boolean {
    return answers.some(({ ingress, atMs }) =>
      this.#evidence.ends.some(
        (end) =>
          end.victim === ingress && end.why === 'killed' && end.atMs >= atMs && end.atMs < atMs + 1_000,
      ),
    );
  }

  #halfReached({ submit }: Submission, reached: ReadonlySet<string>): void {
    const missed = submit.to.filter((address) => !reached.has(address));
    this.#find('reached some of its recipients only', submit.number, `not ${missed.join(', ')}`);
  }

  /**
   * For each recipient: everything that came to an end, a copy taken or a refusal for good, of which there may be one more
   * than ends whose record a fault prevented.
   */
  #secondCopies(
    { submit }: Submission,
    taken: readonly TransactionRecord[],
    reports: readonly TransactionRecord[],
  ): void {
    for (const address of new Set(submit.to)) {
      const copies = taken.filter((one) => one.to.includes(address));
      const told = reports.filter((one) => failedIn(one).includes(address));
      const distinct = new Set(told.map((one) => one.report?.id)).size;
      const extra = copies.length + distinct - 1;
      if (extra > 0) {
        const refusals = (this.#evidence.refusals.get(submit.number) ?? []).filter(
          (one) => one.address === address,
        );
        this.#explain(submit.number, extra, {
          causes: [
            ...copies.map((one) => this.#causes.ofTransaction(one)),
            ...refusals.map((one) => this.#causes.ofPending(pendingRefusal(one))),
          ],
          detail: `${address}: ${describe(copies)} ${describe(told)}`,
        });
      }
    }
    // A report is a message too: the same one twice. A worker that is killed after the report was accepted, and before what
    // it reports on is recorded, leaves a second attempt to accept the same report again: harmless until its tombstone is gone.
    for (const id of new Set(reports.map((one) => one.report?.id))) {
      const copies = reports.filter((one) => one.report?.id === id);
      if (copies.length < 2) continue;
      const about = new Set(copies.flatMap(failedIn));
      const refusals = (this.#evidence.refusals.get(submit.number) ?? []).filter((one) =>
        about.has(one.address),
      );
      this.#explain(submit.number, copies.length - 1, {
        causes: [
          ...copies.map((one) => this.#causes.ofTransaction(one)),
          ...refusals.map((one) => this.#causes.ofPending(pendingRefusal(one))),
        ],
        detail: `report ${id}: ${describe(copies)}`,
      });
    }
  }

  #explain(
    number: number,
    extra: number,
    found: { readonly causes: readonly (Cause | undefined)[]; readonly detail: string },
  ): void {
    const causes = found.causes.filter((cause) => cause !== undefined);
    for (const cause of causes.slice(0, extra)) increase(this.#tally.secondCopies, cause, 1);
    for (let left = causes.length; left < extra; left += 1) {
      this.#find('second copy without a cause', number, found.detail);
    }
  }
}

function toldOf({ answers, silences }: Submission): Told {
  if (answers.some((answer) => answer.code < 300)) return 'accepted';
  if (silences.some((silence) => silence.complete)) return 'perhaps';
  return answers.length > 0 ? 'refused' : silences.length > 0 ? 'unfinished' : 'perhaps';
}

function failedIn(report: TransactionRecord): string[] {
  const { recipients = [] } = report.report ?? {};
  return recipients.filter(({ action }) => action === 'failed').map(({ address }) => address);
}

function pendingRefusal({ worker, atMs }: RefusalRecord): {
  readonly worker: string;
  readonly fromMs: number;
  readonly untilMs: number;
} {
  return { worker, fromMs: atMs, untilMs: atMs + reportMs };
}

function describe(copies: readonly TransactionRecord[]): string {
  return copies
    .map(
      (one) =>
        `[${one.host} from ${one.worker} port ${one.clientPort} id ${one.id ?? one.report?.id ?? '-'} 354 ${one.dataAtMs} dot ${one.dotAtMs} reply ${one.answers ? one.replyAtMs : 'none'} ${one.outcome}]`,
    )
    .join(' ');
}

function increase(map: Map<Cause, number>, cause: Cause, by: number): void {
  map.set(cause, (map.get(cause) ?? 0) + by);
}
