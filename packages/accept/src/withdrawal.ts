/**
 * Taking back a message that was answered with 451 although it may be stored. Possible until an attempt starts. What cannot
 * be taken back in the time a client waits is tried again in the background for a while: a Redis that restarts with
 * the message in its append-only file should not send it beside the client's second try.
 */
import type { MessageId } from '@mailwheel/envelope';

export type Withdrawn =
  /** Nothing will be delivered under this id. */
  | 'revoked'
  /** An attempt started. */
  | 'too-late'
  /** Redis did not answer, or refused. */
  | 'not-done';

export interface WithdrawalOptions {
  readonly revoke: (id: MessageId) => Promise<boolean>;
  /** How long a caller waits. */
  readonly waitMsMax: number;
  /** Messages remembered for the background; the oldest are forgotten. Default 10,000. */
  readonly rememberedMax?: number;
  /** Rounds of the background before a message is left to itself. Default 60. */
  readonly roundsMax?: number;
}

const pauseMs = 100;
const perRoundMax = 500;

export class Withdrawals {
  readonly #options: WithdrawalOptions;
  /** Rounds left, by message. */
  readonly #doubtful = new Map<MessageId, number>();

  constructor(options: WithdrawalOptions) {
    this.#options = options;
  }

  /** Tries until `waitMsMax` is over; `goOn`: then in the background (`round`). */
  async withdraw(id: MessageId, { goOn }: { readonly goOn: boolean }): Promise<Withdrawn> {
    const { waitMsMax, rememberedMax = 10_000, roundsMax = 60 } = this.#options;
    const deadlineMs = performance.now() + waitMsMax;
    let result = await within(waitMsMax, this.#try(id));
    while (result === 'not-done' && performance.now() + pauseMs < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      result = await within(deadlineMs - performance.now(), this.#try(id));
    }
    if (result === 'not-done' && goOn) {
      this.#doubtful.set(id, roundsMax);
      for (const oldest of this.#doubtful.keys()) {
        if (this.#doubtful.size <= rememberedMax) break;
        this.#doubtful.delete(oldest);
      }
    }
    return result;
  }

  /** Messages whose fate is still open. */
  get doubtful(): number {
    return this.#doubtful.size;
  }

  /** One round of the background; called while Redis answers. */
  async round(): Promise<void> {
    const ids = [...this.#doubtful].slice(0, perRoundMax);
    await Promise.all(
      ids.map(async ([id, roundsLeft]) => {
        const result = await this.#try(id);
        if (result !== 'not-done' || roundsLeft <= 1) this.#doubtful.delete(id);
        else this.#doubtful.set(id, roundsLeft - 1);
      }),
    );
  }

  async #try(id: MessageId): Promise<Withdrawn> {
    try {
      return (await this.#options.revoke(id)) ? 'revoked' : 'too-late';
    } catch (cause) {
      // Something that is no record stands in its place: there is nothing a worker could deliver.
      if (cause instanceof Error && cause.message.includes('WRONGTYPE')) return 'revoked';
      // Away, or a revocation in doubt itself: it is idempotent, so it is simply tried again.
      return 'not-done';
    }
  }
}

async function within(milliseconds: number, result: Promise<Withdrawn>): Promise<Withdrawn> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Withdrawn>((resolve) => {
    timer = setTimeout(() => resolve('not-done'), Math.max(0, milliseconds));
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}
