/**
 * One attempt for one job: pick a host, ask it, judge what it says, and pick again, until every open recipient has an
 * answer or nobody is eligible (design section 6). Failing over inside an attempt costs no retry. It returns a report and
 * does not throw for anything a destination does; what Redis does (`pick`) is thrown.
 */
import type { Envelope, FinalResult, LedgerEntry, Recipient } from '@mailwheel/envelope';
import type { Delivery } from '@mailwheel/delivery';
import type { HeldJob } from '@mailwheel/queue';
import type { HostReport, Pick, ReportResult, Rotation } from '@mailwheel/rotation';
import type { Host, Tier } from '@mailwheel/routing';
import type { Happening, Verdict } from '@mailwheel/verdict';
import { RecipientBoard } from './board.ts';
import { HostTurn } from './host-turn.ts';
import { lineOf } from './status.ts';
import type { PlainTextMemory, SuccessTally } from './memory.ts';

export interface AttemptLimits {
  readonly hostsPerAttemptMax: number;
  readonly attemptMs: number;
  /** How often, and how long each time, a stream waits for a connection when all hosts are at their limit. */
  readonly busyWaitsMax: number;
  readonly busyWaitMs: number;
}

/** What an attempt needs of the process around it. */
export interface AttemptDependencies {
  readonly rotation: Pick1 & { readonly report: Rotation['report'] };
  readonly delivery: Delivery;
  readonly judge: (happening: Happening) => Verdict;
  readonly fence: (job: HeldJob) => boolean | Promise<boolean>;
  readonly tally: SuccessTally;
  readonly plainText: PlainTextMemory;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  readonly limits: AttemptLimits;
  readonly watch: AttemptWatch;
  /** Writes results and ledger so far to the record; repeats until Redis takes them. */
  readonly recordSoFar: (job: HeldJob, sofar: ResultsSoFar) => Promise<void>;
}

export interface ResultsSoFar {
  readonly results: ReadonlyMap<number, FinalResult>;
  readonly ledger: readonly LedgerEntry[];
}

type Pick1 = { readonly pick: Rotation['pick'] };

/** Told what happened, for logs and metrics; decides nothing. */
export interface AttemptWatch {
  picked(job: HeldJob, pick: Pick): void;
  asked(job: HeldJob, asked: AskedHost): void;
  hostReported(report: HostReport, result: ReportResult): void;
  reportFailed(report: HostReport, cause: unknown): void;
}

export interface AskedHost {
  readonly envelope: Envelope;
  readonly routeKey: string;
  readonly host: Host;
  readonly tier: number;
  readonly localAddress: string;
  readonly entries: readonly LedgerEntry[];
  readonly verdicts: readonly {
    readonly indices: readonly number[];
    readonly verdict: Verdict;
    readonly happening: Happening;
  }[];
}

export interface AttemptInput {
  readonly job: HeldJob;
  readonly envelope: Envelope;
  readonly body: Buffer;
  readonly recipients: readonly Recipient[];
  readonly routeKey: string;
  readonly tiers: readonly Tier[];
  /** The first pick, already under way while record and body were read. */
  readonly firstPick: Promise<Pick>;
}

export interface AttemptReport {
  readonly board: RecipientBoard;
  /** Entries that are not in the record yet. */
  readonly ledger: readonly LedgerEntry[];
  /** The last host's health report, which nobody need wait for before the results are written. Never rejects. */
  readonly healthReported: Promise<void>;
  readonly lastReplies: ReadonlyMap<
    string,
    { readonly reply: string; readonly atMs: number; readonly phase: LedgerEntry['phase'] }
  >;
  /** Hosts that were asked. 0: nobody was eligible. */
  readonly asked: number;
  /** Set when the attempt ended because nobody was eligible. */
  readonly nobody?: Extract<Pick, { kind: 'none' }>;
  /** Redis did not answer a pick: the attempt ended there. */
  readonly trouble?: unknown;
  /** The fence refused: the lock was lost; nothing of this attempt may be moved. */
  readonly dropped: boolean;
  /** Recipients that asked for NOTIFY=SUCCESS and were delivered to a host without DSN. */
  readonly relayed: readonly number[];
}

/** The pick request of a job: what it must not be offered, and whom it would rather ask. */
export function pickRequest(
  deps: Pick2,
  job: HeldJob,
  tiers: readonly Tier[],
  tried: ReadonlySet<string>,
): Parameters<Rotation['pick']>[0] {
  const failedLabels = job.data.lastReplies;
  const shy = new Set<string>();
  let prefer: string | undefined;
  if (failedLabels !== undefined || job.data.sameHostFirst !== undefined) {
    for (const tier of tiers) {
      for (const host of tier.hosts) {
        if (failedLabels !== undefined && host.label in failedLabels) shy.add(host.key);
        if (host.label === job.data.sameHostFirst) prefer = host.key;
      }
    }
  }
  return {
    destination: job.destination,
    tiers,
    tried,
    warm: deps.delivery.warm(),
    shy,
    ...(prefer === undefined ? {} : { prefer }),
    leaseId: `${job.id}:${job.attemptsMade + 1}:${job.token}`,
    successes: deps.tally.take(tiers),
  };
}

interface Pick2 {
  readonly delivery: Delivery;
  readonly tally: SuccessTally;
}

export async function runAttempt(deps: AttemptDependencies, input: AttemptInput): Promise<AttemptReport> {
  const attempt = new Attempt(deps, input);
  return attempt.run();
}

class Attempt {
  readonly #deps: AttemptDependencies;
  readonly #input: AttemptInput;
  readonly #board: RecipientBoard;
  readonly #tried = new Set<string>();
  #ledger: LedgerEntry[] = [];
  #recordedResults = 0;
  #healthReported: Promise<void> = Promise.resolve();
  /** The turn whose outcome is not told yet: whether there is a next host decides what it is called. */
  #untold: { readonly pick: Extract<Pick, { kind: 'host' }>; readonly turn: HostTurn } | undefined;
  readonly #lastReplies = new Map<string, { reply: string; atMs: number; phase: LedgerEntry['phase'] }>();
  readonly #relayed: number[] = [];
  readonly #deadlineMs: number;
  #busyWaits = 0;
  #dropped = false;

  constructor(deps: AttemptDependencies, input: AttemptInput) {
    this.#deps = deps;
    this.#input = input;
    this.#board = new RecipientBoard(input.recipients);
    this.#deadlineMs = deps.monotonicMs() + deps.limits.attemptMs;
  }

  async run(): Promise<AttemptReport> {
    let nobody: Extract<Pick, { kind: 'none' }> | undefined;
    let trouble: unknown;
    try {
      nobody = await this.#askAround();
    } catch (cause) {
      trouble = cause; // what was accepted before it must still be recorded
    }
    this.#tell('last');
    this.#board.exhausted(this.#everyHostAsked());
    return {
      board: this.#board,
      ledger: this.#ledger,
      healthReported: this.#healthReported,
      lastReplies: this.#lastReplies,
      asked: this.#lastReplies.size,
      ...(nobody === undefined ? {} : { nobody }),
      ...(trouble === undefined ? {} : { trouble }),
      dropped: this.#dropped,
      relayed: this.#relayed,
    };
  }

  /** Hosts in turn, until nobody waits for an answer or nobody is eligible (then: why, and until when). */
  async #askAround(): Promise<Extract<Pick, { kind: 'none' }> | undefined> {
    let pick = await this.#input.firstPick;
    while (this.#board.openCount > 0) {
      this.#deps.watch.picked(this.#input.job, pick);
      if (pick.kind === 'none') {
        if (pick.cause === 'busy' && (await this.#waitForConnection())) {
          pick = await this.#pickAgain();
          continue;
        }
        return pick;
      }
      this.#tell('another-follows');
      const asked = await this.#ask(pick);
      if (asked === 'dropped') return undefined;
      if (asked === 'busy') {
        if (!(await this.#waitForConnection())) this.#tried.add(pick.host.key);
      } else this.#tried.add(pick.host.key);
      if (this.#board.openCount === 0 || this.#outOfTime()) return undefined;
      await this.#recordAccepted();
      pick = await this.#pickAgain();
    }
    return undefined;
  }

  /** What a host accepted is in the record before the next one is asked (rules.md): a crash then repeats nothing of it. */
  async #recordAccepted(): Promise<void> {
    const results = new Map<number, FinalResult>();
    for (const [index, { result }] of this.#board.finals()) {
      if (result.state === 'delivered') results.set(index, result);
    }
    if (results.size === this.#recordedResults) return;
    await this.#deps.recordSoFar(this.#input.job, { results, ledger: this.#ledger });
    this.#recordedResults = results.size;
    this.#ledger = [];
  }

  async #ask(pick: Extract<Pick, { kind: 'host' }>): Promise<'asked' | 'busy' | 'dropped'> {
    const turn = new HostTurn(this.#deps, this.#input, {
      pick,
      board: this.#board,
      deadlineMs: this.#deadlineMs,
    });
    const outcome = await turn.run();
    this.#relayed.push(...turn.relayed);
    const last = turn.ledger.at(-1);
    if (last !== undefined) {
      this.#lastReplies.set(pick.host.label, { reply: last.reply, atMs: last.atMs, phase: last.phase });
    }
    if (outcome === 'dropped') this.#dropped = true;
    this.#untold = { pick, turn };
    if (outcome !== 'asked') return outcome;
    this.#healthReported = this.#reportHealth(pick, turn);
    if (this.#board.openCount > 0) await this.#healthReported; // the next pick must see it
    return outcome;
  }

  /** Into ledger and journal, once it is known whether another host follows: without one, `next-host` was a deferral. */
  #tell(what: 'another-follows' | 'last'): void {
    const untold = this.#untold;
    if (untold === undefined) return;
    this.#untold = undefined;
    const { pick, turn } = untold;
    const entries =
      what === 'another-follows'
        ? turn.ledger
        : turn.ledger.map((entry) =>
            entry.outcome === 'next-host' && entry.recipients.some((index) => this.#isOpen(index))
              ? { ...entry, outcome: 'deferred' as const }
              : entry,
          );
    this.#ledger.push(...entries);
    if (entries.length === 0) return;
    this.#deps.watch.asked(this.#input.job, {
      envelope: this.#input.envelope,
      routeKey: this.#input.routeKey,
      host: pick.host,
      tier: pick.tier,
      localAddress: turn.localAddress,
      entries,
      verdicts: turn.judgements,
    });
  }

  #isOpen(index: number): boolean {
    return this.#board.open().some((recipient) => recipient.index === index);
  }

  /**
   * Health is advisory: a report that Redis did not take is counted and dropped, because the delivery's own result must
   * not depend on it.
   */
  async #reportHealth(pick: Extract<Pick, { kind: 'host' }>, turn: HostTurn): Promise<void> {
    const outcome = turn.healthOutcome();
    if (outcome === undefined) return;
    const { job } = this.#input;
    const worst = turn.judgements.find((one) => one.verdict.health !== 'none') ?? turn.judgements.at(-1);
    const report: HostReport = {
      host: pick.host,
      epoch: pick.epoch,
      outcome,
      leaseId: `${job.id}:${job.attemptsMade + 1}:${job.token}`,
      messageId: job.data.message,
      reply: worst === undefined ? (turn.ledger.at(-1)?.reply ?? '') : lineOf(worst.happening),
    };
    try {
      this.#deps.watch.hostReported(report, await this.#deps.rotation.report(report));
    } catch (cause) {
      this.#deps.watch.reportFailed(report, cause);
    }
  }

  async #pickAgain(): Promise<Pick> {
    return this.#deps.rotation.pick(pickRequest(this.#deps, this.#input.job, this.#input.tiers, this.#tried));
  }

  /** Only connection limits stand in the way: wait here, a bounded time, rather than put the job back. */
  async #waitForConnection(): Promise<boolean> {
    if (this.#busyWaits >= this.#deps.limits.busyWaitsMax || this.#outOfTime()) return false;
    this.#busyWaits += 1;
    const keys = this.#input.tiers.flatMap((tier) => tier.hosts.map((host) => host.key));
    await this.#deps.delivery.awaitIdle(keys, this.#deps.limits.busyWaitMs);
    return true;
  }

  #outOfTime(): boolean {
    return (
      this.#tried.size >= this.#deps.limits.hostsPerAttemptMax || this.#deps.monotonicMs() > this.#deadlineMs
    );
  }

  #everyHostAsked(): boolean {
    return this.#input.tiers.every((tier) => tier.hosts.every((host) => this.#tried.has(host.key)));
  }
}
