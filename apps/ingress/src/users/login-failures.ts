/**
 * Failed logins, for each client address: they are answered slower and slower, and after too many the address is not heard
 * for a while. An attempt counts from its beginning and is taken back when it succeeds, so that a hundred connections at
 * once have no more tries than one. What is kept is bounded; the addresses that were quiet longest are forgotten first.
 */
import { loginOrigin } from '@mailwheel/login';

export interface LoginFailuresOptions {
  readonly failuresMax: number;
  /** After this long without an attempt an address starts anew. */
  readonly forgetMs: number;
  /** Addresses that are kept. Default 10,000. */
  readonly addressesMax?: number;
  /** Monotonic. */
  readonly nowMs: () => number;
}

interface Record {
  count: number;
  lastMs: number;
}

const firstDelayMs = 500;
const longestDelayMs = 8000;

export class LoginFailures {
  readonly #options: LoginFailuresOptions;
  /** Least recently tried first. */
  readonly #byNetwork = new Map<string, Record>();

  constructor(options: LoginFailuresOptions) {
    this.#options = options;
  }

  /** Counts an attempt; false: the address has used up its tries, do not even look. */
  begin(address: string): boolean {
    const network = loginOrigin(address);
    const { failuresMax, forgetMs, addressesMax = 10_000, nowMs } = this.#options;
    const now = nowMs();
    const known = this.#byNetwork.get(network);
    const record = known === undefined || now - known.lastMs >= forgetMs ? { count: 0, lastMs: now } : known;
    if (record.count >= failuresMax) return false;
    record.count++;
    record.lastMs = now;
    this.#byNetwork.delete(network);
    this.#byNetwork.set(network, record);
    if (this.#byNetwork.size > addressesMax) {
      for (const oldest of this.#byNetwork.keys()) {
        this.#byNetwork.delete(oldest);
        break;
      }
    }
    return true;
  }

  /** The attempt succeeded, or was not judged: it is not counted. Earlier failures stay until they are forgotten. */
  takeBack(address: string): void {
    const record = this.#byNetwork.get(loginOrigin(address));
    if (record !== undefined && record.count > 0) record.count--;
  }

  /** How long a failure is to be answered late: half a second, doubling up to 8 s. */
  delayMs(address: string): number {
    const failures = this.#byNetwork.get(loginOrigin(address))?.count ?? 0;
    return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.max(0, failures - 1));
  }

  get addressCount(): number {
    return this.#byNetwork.size;
  }
}
