/**
 * HTTP basic authentication (RFC 7617) against the accounts. A browser sends the password with every request and a check costs
 * a tenth of a second on purpose, so a login that was right is remembered for a while, by a keyed digest and not by itself.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { FailedLogins, PasswordCheck } from '@mailwheel/login';
import type { Account } from './accounts.ts';
import type { Asker, Visitor } from './visitor.ts';

/** How long a right login is believed without checking the password again. */
const believedMs = 300_000;
const believedMax = 1000;

export interface BasicLoginOptions {
  readonly accounts: readonly [Account, ...Account[]];
  readonly monotonicMs: () => number;
  readonly check?: PasswordCheck;
  readonly failed?: FailedLogins;
}

interface Believed {
  readonly account: Account;
  readonly untilMs: number;
}

export class BasicLogin {
  readonly #accounts: BasicLoginOptions['accounts'];
  readonly #monotonicMs: () => number;
  readonly #check: PasswordCheck;
  readonly #failed: FailedLogins;
  readonly #key = randomBytes(32);
  readonly #believed = new Map<string, Believed>();
  /** Checks under way: the many requests of one page are one check, and one attempt. */
  readonly #checking = new Map<string, Promise<Visitor>>();

  constructor(options: BasicLoginOptions) {
    this.#accounts = options.accounts;
    this.#monotonicMs = options.monotonicMs;
    this.#check = options.check ?? new PasswordCheck();
    this.#failed = options.failed ?? new FailedLogins({ monotonicMs: options.monotonicMs });
  }

  /** Neither user nor password can be guessed by how long it takes. */
  async judge({ address, authorization }: Pick<Asker, 'address' | 'authorization'>): Promise<Visitor> {
    if (authorization === undefined) return { kind: 'unknown' };
    const credentials = readCredentials(authorization);
    if (credentials === undefined) return { kind: 'refused', count: this.#failed.count(address) };
    const digest = createHmac('sha256', this.#key).update(authorization).digest('base64');
    const believed = this.#believed.get(digest);
    if (believed !== undefined && believed.untilMs > this.#monotonicMs()) return known(believed.account);
    const place = `${digest} ${address}`;
    const checking = this.#checking.get(place);
    if (checking !== undefined) return checking;
    const started = this.#attempt({ ...credentials, address, digest }).finally(() =>
      this.#checking.delete(place),
    );
    this.#checking.set(place, started);
    return started;
  }

  async #attempt(of: {
    readonly user: string;
    readonly password: string;
    readonly address: string;
    readonly digest: string;
  }): Promise<Visitor> {
    const waitMs = this.#failed.attempt(of.address);
    if (waitMs > 0) return { kind: 'slowed', waitMs };
    const account = this.#accounts.find(({ name }) => name === of.user);
    // A name that nobody has costs a check as well, or the answer would come sooner and say so.
    const { hash, hashed } = account ?? this.#accounts[0];
    const outcome = await this.#check.check(hash, hashed(of.password));
    if (outcome === 'busy') {
      this.#failed.succeeded(of.address);
      return { kind: 'busy' };
    }
    if (account === undefined || outcome === 'wrong')
      return { kind: 'refused', count: this.#failed.count(of.address) };
    this.#failed.succeeded(of.address);
    this.#believe(of.digest, account);
    return known(account);
  }

  #believe(digest: string, account: Account): void {
    this.#believed.delete(digest);
    this.#believed.set(digest, { account, untilMs: this.#monotonicMs() + believedMs });
    if (this.#believed.size <= believedMax) return;
    const [oldest] = this.#believed.keys();
    if (oldest !== undefined) this.#believed.delete(oldest);
  }
}

function known({ name, role }: Account): Visitor {
  return { kind: 'known', actor: { name, role, via: 'login' } };
}

function readCredentials(
  authorization: string,
): { readonly user: string; readonly password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]{1,1024})$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : { user: pair.slice(0, colon), password: pair.slice(colon + 1) };
}
