/** Checks passwords, a few at a time: each check takes memory and a thread on purpose, and anybody may ask for one. */
import { timingSafeEqual } from 'node:crypto';
import { derive, type PasswordHash } from './password-hash.ts';

export interface PasswordCheckOptions {
  /** Checks at the same time. Default 2: the others of libuv's four threads are for files and names. */
  readonly atATimeMax?: number;
  /** Checks that wait for their turn. Default 20, about two seconds of work. */
  readonly waitingMax?: number;
}

export class PasswordCheck {
  readonly #atATimeMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: PasswordCheckOptions = {}) {
    this.#atATimeMax = options.atATimeMax ?? 2;
    this.#waitingMax = options.waitingMax ?? 20;
  }

  /** `busy`: more are waiting than the limit; nothing was checked. */
  async check(hash: PasswordHash, password: string): Promise<'right' | 'wrong' | 'busy'> {
    if (this.#running >= this.#atATimeMax) {
      if (this.#waiting.length >= this.#waitingMax) return 'busy';
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running += 1;
    try {
      return timingSafeEqual(await derive(hash, password), hash.key) ? 'right' : 'wrong';
    } finally {
      // The place is handed on, so that nobody who comes now gets in front of those who wait.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
