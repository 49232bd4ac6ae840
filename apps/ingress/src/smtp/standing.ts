/** What a client has shown of itself, and what it may therefore do: by its address, its certificate, its login. */
import { anySender, senderPatterns } from '../sender-patterns.ts';
import type { MinuteLimits } from '../users/user-limits.ts';
import type { User } from '../users/users-file.ts';
import { judgeCharge, limitsFor, mayRelay, type SmtpLimits } from './policy.ts';
import { replies, type Reply } from './reply.ts';
import type { SessionRules, UserRules } from './session-rules.ts';

export class Standing {
  readonly trustedAddress: boolean;
  #rules: SessionRules;
  #certified = false;
  #user: User | undefined;
  #relays: boolean;
  #limits: SmtpLimits;
  #maySendFrom: (reversePath: string) => boolean = anySender;

  constructor(rules: SessionRules, trustedAddress: boolean) {
    this.trustedAddress = trustedAddress;
    this.#rules = rules;
    this.#relays = trustedAddress;
    this.#limits = rules.limits;
  }

  get relays(): boolean {
    return this.#relays;
  }

  get limits(): SmtpLimits {
    return this.#limits;
  }

  get userName(): string | undefined {
    return this.#user?.name;
  }

  get maySendFrom(): (reversePath: string) => boolean {
    return this.#maySendFrom;
  }

  certify(certified: boolean): void {
    this.#certified = certified;
    this.#judge();
  }

  admit(user: User): void {
    const { users, limits } = this.#rules;
    this.#user = user;
    this.#maySendFrom = senderPatterns(user.from);
    if (users !== undefined) this.#limits = limitsFor(minuteLimitsOf(user, users), limits);
    this.#judge();
  }

  /** A user whose password was changed, or whose line is gone, is one no longer, logged in or not. */
  isStillUser(): boolean {
    const { users } = this.#rules;
    if (this.#user === undefined || users === undefined) return true;
    const now = users.doorkeeper.passwords.current(this.#user);
    if (now !== undefined && now !== this.#user) this.admit(now);
    return now !== undefined;
  }

  /** Takes a message from what the user may send in a minute; gives the reply if that is used up. For users only. */
  async charge(recipients: number): Promise<Reply | undefined> {
    const { users, report } = this.#rules;
    if (users === undefined || this.#user === undefined) return undefined;
    try {
      const limits = minuteLimitsOf(this.#user, users);
      return judgeCharge(await users.charge(this.#user.name, recipients, limits));
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      report({ kind: 'fault', where: 'user limits', error });
      return replies.unavailable;
    }
  }

  #judge(): void {
    const { trustedAddress } = this;
    const credit = { trustedAddress, loggedIn: this.#user !== undefined, certified: this.#certified };
    this.#relays = mayRelay(credit, this.#rules);
  }
}

function minuteLimitsOf(user: User, { minuteLimits }: UserRules): MinuteLimits {
  return {
    messagesPerMinuteMax: user.messagesPerMinuteMax ?? minuteLimits.messagesPerMinuteMax,
    recipientsPerMinuteMax: user.recipientsPerMinuteMax ?? minuteLimits.recipientsPerMinuteMax,
  };
}
