/**
 * One budget for the message bodies a process holds, whatever listener they come in by. Beyond it a client is not read
 * from (its socket fills and TCP slows it down), it is not refused.
 *
 * Messages share the budget while they grow, so all of them could come to wait for each other. Therefore the eldest of the
 * waiting may overdraw, one at a time, and for a limited time: memory stays below budget + one message, somebody always
 * gets on, and a client that trickles while others wait is shed.
 */

export interface BodyBudgetOptions {
  readonly bytesMax: number;
  /** How long one message may overdraw before it is shed. */
  readonly overdraftMs: number;
}

/** What one message holds of the budget. */
export interface BodyHold {
  /**
   * Asks for memory up to `bytes` in all. `true`: granted at once. A promise: wait for it and read nothing meanwhile;
   * `false` from it: the hold was released while it waited.
   */
  reserve(bytes: number): true | Promise<boolean>;
  readonly bytes: number;
  /** Gives everything back. May be called twice. */
  release(): void;
}

interface Waiter {
  readonly hold: Hold;
  readonly bytes: number;
  readonly settle: (granted: boolean) => void;
}

export class BodyBudget {
  readonly #options: BodyBudgetOptions;
  readonly #waiting: Waiter[] = [];
  #heldBytes = 0;
  /** The message that overdraws, and the end of its time. */
  #overdrawn: { readonly hold: Hold; readonly timer: NodeJS.Timeout } | undefined;

  constructor(options: BodyBudgetOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Opens a hold of nothing. `onShed` is told when the message used up its time of overdraft; it must then release. */
  open(onShed: () => void): BodyHold {
    return new Hold(this, onShed);
  }

  /** @internal */
  request(hold: Hold, bytes: number): true | Promise<boolean> {
    if (bytes <= hold.bytes) return true;
    // Nobody overtakes those who wait already, except the one that may overdraw.
    const fits = this.#waiting.length === 0 && this.#fits(bytes - hold.bytes);
    if (fits || this.#overdrawn?.hold === hold) {
      this.#grant(hold, bytes);
      return true;
    }
    return new Promise((settle) => {
      this.#waiting.push({ hold, bytes, settle });
      this.#serve();
    });
  }

  /** @internal */
  giveBack(hold: Hold): void {
    this.#heldBytes -= hold.bytes;
    hold.bytes = 0;
    for (let at = this.#waiting.length - 1; at >= 0; at--) {
      if (this.#waiting[at]?.hold === hold) this.#waiting.splice(at, 1)[0]?.settle(false);
    }
    if (this.#overdrawn?.hold === hold) {
      clearTimeout(this.#overdrawn.timer);
      this.#overdrawn = undefined;
    }
    this.#serve();
  }

  #serve(): void {
    for (;;) {
      const eldest = this.#waiting[0];
      if (eldest === undefined) return;
      if (!this.#fits(eldest.bytes - eldest.hold.bytes)) {
        if (this.#overdrawn !== undefined) return;
        const timer = setTimeout(() => eldest.hold.shed(), this.#options.overdraftMs);
        timer.unref();
        this.#overdrawn = { hold: eldest.hold, timer };
      }
      this.#waiting.shift();
      this.#grant(eldest.hold, eldest.bytes);
      eldest.settle(true);
    }
  }

  #fits(moreBytes: number): boolean {
    return this.#heldBytes + moreBytes <= this.#options.bytesMax;
  }

  #grant(hold: Hold, bytes: number): void {
    this.#heldBytes += bytes - hold.bytes;
    hold.bytes = bytes;
  }
}

class Hold implements BodyHold {
  bytes = 0;
  readonly #budget: BodyBudget;
  readonly #onShed: () => void;

  constructor(budget: BodyBudget, onShed: () => void) {
    this.#budget = budget;
    this.#onShed = onShed;
  }

  reserve(bytes: number): true | Promise<boolean> {
    return this.#budget.request(this, bytes);
  }

  release(): void {
    this.#budget.giveBack(this);
  }

  shed(): void {
    this.#onShed();
  }
}
