/**
 * Checks passwords against the users in force. Who asks learns only right or wrong: an unknown name costs the same scrypt as
 * a known one (with the parameters of some known user, always the same for the same name), and hashes are compared in
 * constant time. Few checks run at a time, since each takes a thread of the pool that file reads need, and tens of megabytes.
 */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { ScryptHash, User } from './users-file.ts';

const checksMax = 2;
/** Above this many waiting checks a login is put off (454): the answer would come too late. */
const waitingMax = 64;

export type PasswordVerdict =
  | { readonly kind: 'right'; readonly user: User }
  /** `known`: for the log only, never for the client. */
  | { readonly kind: 'wrong'; readonly known: boolean }
  | { readonly kind: 'busy' };

export class PasswordCheck {
  #users: ReadonlyMap<string, User> = new Map();
  #list: readonly User[] = [];
  /** Of the last right password of a user: clients that log in for every message need not pay for scrypt each time. */
  readonly #proven = new WeakMap<User, Buffer>();
  readonly #key = randomBytes(32);
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** Puts other users in force; sessions that are logged in stay so. */
  replaceUsers(users: ReadonlyMap<string, User>): void {
    this.#users = users;
    this.#list = [...users.values()];
  }

  /** The user as the file now has it; undefined: gone, or with another password. */
  current(user: User): User | undefined {
    const now = this.#users.get(user.name);
    return now === user || now?.password.hash.equals(user.password.hash) === true ? now : undefined;
  }

  /** Settles after at least one scrypt, unless the password is the one last proven. Rejects if scrypt itself fails. */
  async check(name: string, password: string): Promise<PasswordVerdict> {
    const user = this.#users.get(name);
    const proof = createHmac('sha256', this.#key).update(password).digest();
    const proven = user === undefined ? undefined : this.#proven.get(user);
    if (user !== undefined && proven !== undefined && timingSafeEqual(proof, proven)) {
      return { kind: 'right', user };
    }
    if (this.#running >= checksMax && this.#waiting.length >= waitingMax) return { kind: 'busy' };
    const against = (user ?? this.#decoy(name))?.password;
    if (against === undefined) return { kind: 'wrong', known: false };
    const isEqual = await this.#inTurn(async () => matches(password, against));
    if (user === undefined || !isEqual) return { kind: 'wrong', known: user !== undefined };
    this.#proven.set(user, proof);
    return { kind: 'right', user };
  }

  /** Whose hash an unknown name is checked against: its result is thrown away. */
  #decoy(name: string): User | undefined {
    const pick = createHmac('sha256', this.#key).update(name).digest().readUInt32BE();
    return this.#list[pick % Math.max(1, this.#list.length)];
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= checksMax) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

function matches(password: string, against: ScryptHash): Promise<boolean> {
  const { costLog2, blockSize, parallelism, salt, hash } = against;
  const N = 2 ** costLog2;
  const options = { N, r: blockSize, p: parallelism, maxmem: 256 * N * blockSize };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, options, (error, derived) => {
      if (error === null) resolve(timingSafeEqual(derived, hash));
      else reject(error);
    });
  });
}
