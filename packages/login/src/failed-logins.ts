/**
 * Wrong logins by address. The first few are free, for people mistype; from then on an address waits twice as long after each.
 * What is remembered is bounded: when the table is full, the address that was quiet for longest is forgotten.
 */
import { isIPv4, isIPv6 } from 'node:net';

export interface FailedLoginsOptions {
  /** Wrong attempts before an address must wait. Default 5. */
  readonly freeAttempts?: number;
  /** Longest wait after a wrong attempt. Default 300,000. */
  readonly waitMsMax?: number;
  /** Without an attempt for this long an address is forgotten. Default 900,000. */
  readonly forgetMs?: number;
  /** Addresses remembered. Default 10,000, about 2 MB. */
  readonly addressesMax?: number;
  readonly monotonicMs: () => number;
}

interface Attempts {
  readonly count: number;
  readonly lastMs: number;
}

const firstWaitMs = 1000;

export class FailedLogins {
  readonly #options: Required<FailedLoginsOptions>;
  /** The longest quiet first. */
  readonly #byOrigin = new Map<string, Attempts>();

  constructor(options: FailedLoginsOptions) {
    this.#options = {
      freeAttempts: 5,
      waitMsMax: 300_000,
      forgetMs: 900_000,
      addressesMax: 10_000,
      ...options,
    };
  }

  /**
   * Before a password is checked: 0 lets the attempt through and counts it, as wrong until `succeeded` says otherwise, so
   * that a hundred guesses at once are not all the first. Above 0: milliseconds until the address may try again.
   */
  attempt(address: string): number {
    const nowMs = this.#options.monotonicMs();
    const origin = loginOrigin(address);
    const known = this.#known(origin, nowMs);
    const waitMs = known === undefined ? 0 : known.lastMs + this.#waitMsAfter(known.count) - nowMs;
    if (waitMs > 0) return waitMs;
    this.#remember(origin, { count: (known?.count ?? 0) + 1, lastMs: nowMs });
    return 0;
  }

  /** The attempt was right: it is not counted. Earlier ones stay, or one good login would pay for any number of guesses. */
  succeeded(address: string): void {
    const origin = loginOrigin(address);
    const known = this.#byOrigin.get(origin);
    if (known === undefined) return;
    if (known.count <= 1) this.#byOrigin.delete(origin);
    else this.#byOrigin.set(origin, { ...known, count: known.count - 1 });
  }

  /** Wrong attempts of an address that are remembered. */
  count(address: string): number {
    return this.#known(loginOrigin(address), this.#options.monotonicMs())?.count ?? 0;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#byOrigin.size;
  }

  #known(origin: string, nowMs: number): Attempts | undefined {
    const known = this.#byOrigin.get(origin);
    if (known === undefined || nowMs - known.lastMs <= this.#options.forgetMs) return known;
    this.#byOrigin.delete(origin);
    return undefined;
  }

  #remember(origin: string, attempts: Attempts): void {
    this.#byOrigin.delete(origin);
    this.#byOrigin.set(origin, attempts);
    if (this.#byOrigin.size <= this.#options.addressesMax) return;
    const [quietest] = this.#byOrigin.keys();
    if (quietest !== undefined) this.#byOrigin.delete(quietest);
  }

  #waitMsAfter(count: number): number {
    const { freeAttempts, waitMsMax } = this.#options;
    return count < freeAttempts ? 0 : Math.min(waitMsMax, firstWaitMs * 2 ** (count - freeAttempts));
  }
}

/** What counts as one address: an IPv4 address, and the /64 of an IPv6 address, which one machine has to itself. */
export function loginOrigin(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIPv4(plain) || !isIPv6(plain)) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  // A dotted quad at the end stands for two groups.
  const groups = left.length + right.length + (plain.includes('.') ? 1 : 0);
  const all = tail === undefined ? left : [...left, ...Array<string>(8 - groups).fill('0'), ...right];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
