/**
 * Where each recipient of one attempt stands. Pure: it takes what hosts said and what the verdict table made of it, and
 * answers whom to offer to the next host and what becomes of everybody at the end.
 *
 * States of a recipient and the legal moves:
 *   open     -> final (accepted, or refused for good) | aside (not in this attempt again) | open (next host)
 *   aside    nothing more in this attempt: deferred (mailbox trouble) or outcome unknown
 *   final    delivered or bounced; stays
 */
import type { FinalResult, Recipient } from '@mailwheel/envelope';
import type { Host } from '@mailwheel/routing';
import type { Happening, Reply, Verdict } from '@mailwheel/verdict';
import { statusOf } from './status.ts';

/** The last thing a host said about a recipient that is not final. */
export interface Remark {
  readonly verdict: Verdict;
  readonly happening: Happening;
  readonly host: Host;
  readonly atMs: number;
}

export interface FinalRemark {
  readonly result: FinalResult;
  readonly enhancedCode: string;
  readonly remark?: Remark;
}

export class RecipientBoard {
  readonly #open = new Map<number, { readonly recipient: Recipient; last?: Remark }>();
  readonly #deferred = new Map<number, Remark | undefined>();
  readonly #unknown = new Map<number, Remark>();
  readonly #finals = new Map<number, FinalRemark>();

  constructor(recipients: readonly Recipient[]) {
    for (const recipient of recipients) this.#open.set(recipient.index, { recipient });
  }

  /** Recipients to offer to the next host, in envelope order. */
  open(): Recipient[] {
    return [...this.#open.values()].map((entry) => entry.recipient);
  }

  get openCount(): number {
    return this.#open.size;
  }

  accepted(index: number, reply: Reply, at: { readonly host: Host; readonly atMs: number }): void {
    if (!this.#open.delete(index)) return;
    const result: FinalResult = { state: 'delivered', atMs: at.atMs, host: at.host.label, reply: reply.line };
    this.#finals.set(index, { result, enhancedCode: reply.enhancedCode ?? '2.0.0' });
  }

  /** Every open recipient gets the same final result (`/dev/null`). */
  acceptAll(result: FinalResult, enhancedCode: string): void {
    for (const index of this.#open.keys()) this.#finals.set(index, { result, enhancedCode });
    this.#open.clear();
  }

  /** What a verdict means for one recipient. `stop`: its fate at once; otherwise it stays open for the step that follows. */
  judged(index: number, remark: Remark): void {
    const entry = this.#open.get(index);
    if (entry === undefined) return;
    if (remark.verdict.next !== 'stop') {
      if (remark.verdict.fate !== 'none') entry.last = remark;
      return;
    }
    this.#settle(index, remark);
  }

  /**
   * Nobody is left to ask. A recipient that would bounce only because every host lacks something (row 17) waits as long
   * as one host was not asked.
   */
  exhausted(everyHostAsked: boolean): void {
    for (const [index, entry] of this.#open) {
      const last = entry.last;
      if (last === undefined) {
        this.#open.delete(index);
        this.#deferred.set(index, undefined);
      } else if (last.verdict.fate === 'bounce' && !everyHostAsked) {
        this.#open.delete(index);
        this.#deferred.set(index, last);
      } else this.#settle(index, last);
    }
  }

  #settle(index: number, remark: Remark): void {
    this.#open.delete(index);
    switch (remark.verdict.fate) {
      case 'bounce': {
        const { enhancedCode, line } = statusOf(remark);
        this.#finals.set(index, {
          result: { state: 'bounced', atMs: remark.atMs, host: remark.host.label, reply: line },
          enhancedCode,
          remark,
        });
        return;
      }
      case 'unknown-outcome':
        this.#unknown.set(index, remark);
        return;
      case 'defer':
      case 'none':
        this.#deferred.set(index, remark);
    }
  }

  finals(): ReadonlyMap<number, FinalRemark> {
    return this.#finals;
  }

  /** Deferred recipients with the last thing said about them; undefined: nobody said anything. */
  deferred(): ReadonlyMap<number, Remark | undefined> {
    return this.#deferred;
  }

  unknown(): ReadonlyMap<number, Remark> {
    return this.#unknown;
  }
}
