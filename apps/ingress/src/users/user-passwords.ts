/**
 * Checks passwords against the users in force. Who asks learns only right or wrong: an unknown name costs the same scrypt as
 * a known one (with the hash of some known user, always the same for the same name), and hashes are compared in constant time.
 */
import { PasswordCheck } from '@mailwheel/login';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { User } from './users-file.ts';

/** Above this many waiting checks a login is put off (454): the answer would come too late. */
const waitingMax = 64;

export type PasswordVerdict =
  | { readonly kind: 'right'; readonly user: User }
  /** `known`: for the log only, never for the client. */
  | { readonly kind: 'wrong'; readonly known: boolean }
  | { readonly kind: 'busy' };

export class UserPasswords {
  #users: ReadonlyMap<string, User> = new Map();
  #list: readonly User[] = [];
  /** Of the last right password of a user: clients that log in for every message need not pay for scrypt each time. */
  readonly #proven = new WeakMap<User, Buffer>();
  readonly #key = randomBytes(32);
  readonly #checks = new PasswordCheck({ waitingMax });

  /** Puts other users in force; `current` tells sessions what became of theirs. */
  replaceUsers(users: ReadonlyMap<string, User>): void {
    this.#users = users;
    this.#list = [...users.values()];
  }

  /** The user as the file now has it; undefined: gone, or with another password. */
  current(user: User): User | undefined {
    const now = this.#users.get(user.name);
    return now === user || now?.password.key.equals(user.password.key) === true ? now : undefined;
  }

  /** Settles after one scrypt, unless the password is the one last proven. Rejects if scrypt itself fails. */
  async check(name: string, password: string): Promise<PasswordVerdict> {
    const user = this.#users.get(name);
    const proof = createHmac('sha256', this.#key).update(password).digest();
    const proven = user === undefined ? undefined : this.#proven.get(user);
    if (user !== undefined && proven !== undefined && timingSafeEqual(proof, proven)) {
      return { kind: 'right', user };
    }
    const against = (user ?? this.#decoy(name))?.password;
    if (against === undefined) return { kind: 'wrong', known: false };
    const verdict = await this.#checks.check(against, password);
    if (verdict === 'busy') return { kind: 'busy' };
    if (user === undefined || verdict === 'wrong') return { kind: 'wrong', known: user !== undefined };
    this.#proven.set(user, proof);
    return { kind: 'right', user };
  }

  /** Whose hash an unknown name is checked against: its result is thrown away. */
  #decoy(name: string): User | undefined {
    const pick = createHmac('sha256', this.#key).update(name).digest().readUInt32BE();
    return this.#list[pick % Math.max(1, this.#list.length)];
  }
}
