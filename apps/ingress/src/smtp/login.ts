/**
 * The AUTH dialogue of one session, from the command to the reply. What is right is asked of the doorkeeper, which all
 * sessions share; failures are answered late, and an address that has used up its tries is shown out.
 */
import type { LoginFailures } from '../users/login-failures.ts';
import type { UserPasswords } from '../users/user-passwords.ts';
import type { User } from '../users/users-file.ts';
import { replies, type Reply } from './reply.ts';
import { readAuthCommand, readBase64, readPlain, type Credentials, type Mechanism } from './sasl.ts';

/** Who may log in, and who has tried too often: one for all listeners. */
export interface Doorkeeper {
  readonly passwords: Pick<UserPasswords, 'check'>;
  readonly failures: Pick<LoginFailures, 'begin' | 'takeBack' | 'delayMs'>;
  /** Waits before a failure is answered. */
  readonly wait: (ms: number) => Promise<void>;
}

export type LoginResult = 'succeeded' | 'failed' | 'refused' | 'unavailable';

export interface LoginOutcome {
  readonly result: LoginResult;
  readonly mechanism: Mechanism;
  /** Name of a known user, else empty: what was typed may be a password. */
  readonly userName: string;
}

/** What the dialogue needs of its session. */
export interface LoginSession {
  readonly clientAddress: string;
  /** Says 334 with this challenge and gives the next line to `next`. */
  ask(challenge: string, next: (line: string) => Promise<void>): void;
  reply(reply: Reply): void;
  /** The client is who it says. */
  admit(user: User): void;
  report(outcome: LoginOutcome): void;
}

/** Challenges of LOGIN: `Username:` and `Password:`. */
const askName = 'VXNlcm5hbWU6';
const askPassword = 'UGFzc3dvcmQ6';

export class Login {
  readonly #doorkeeper: Doorkeeper;
  readonly #session: LoginSession;

  constructor(doorkeeper: Doorkeeper, session: LoginSession) {
    this.#doorkeeper = doorkeeper;
    this.#session = session;
  }

  /** Carries out `AUTH ...`; resolves when it is answered or a challenge is out. Only for sessions under TLS. */
  async start(line: string): Promise<void> {
    const command = readAuthCommand(line);
    if (command.kind === 'syntax') return this.#session.reply(replies.authSyntax);
    if (command.kind === 'unknown-mechanism') return this.#session.reply(replies.authMechanism);
    const { mechanism, initial } = command;
    if (mechanism === 'PLAIN') {
      const plain = async (text: string): Promise<void> => this.#judge(mechanism, readPlain(text));
      return initial === undefined ? this.#ask('', plain) : plain(initial);
    }
    const named = async (text: string): Promise<void> => this.#login(text);
    return initial === undefined ? this.#ask(askName, named) : named(initial);
  }

  async #login(encodedName: string): Promise<void> {
    const name = readBase64(encodedName);
    if (name === undefined || name === '') return this.#session.reply(replies.authEncoding);
    return this.#ask(askPassword, async (text) => {
      const password = readBase64(text);
      const isGiven = password !== undefined && password !== '';
      return this.#judge('LOGIN', isGiven ? { name, password } : undefined);
    });
  }

  #ask(challenge: string, next: (line: string) => Promise<void>): void {
    this.#session.ask(challenge, async (line) => {
      if (line === '*') this.#session.reply(replies.authCancelled);
      else await next(line);
    });
  }

  async #judge(mechanism: Mechanism, credentials: Credentials | undefined): Promise<void> {
    const { clientAddress } = this.#session;
    const { passwords, failures, wait } = this.#doorkeeper;
    if (credentials === undefined) return this.#session.reply(replies.authEncoding);
    if (!failures.begin(clientAddress)) {
      return this.#end({ result: 'refused', mechanism, userName: '' }, replies.tooManyLoginFailures);
    }
    const verdict = await passwords.check(credentials.name, credentials.password);
    if (verdict.kind === 'wrong') {
      await wait(failures.delayMs(clientAddress));
      const userName = verdict.known ? credentials.name : '';
      return this.#end({ result: 'failed', mechanism, userName }, replies.loginFailed);
    }
    failures.takeBack(clientAddress);
    if (verdict.kind === 'busy') {
      return this.#end({ result: 'unavailable', mechanism, userName: '' }, replies.loginBusy);
    }
    this.#session.admit(verdict.user);
    return this.#end({ result: 'succeeded', mechanism, userName: verdict.user.name }, replies.loggedIn);
  }

  #end(outcome: LoginOutcome, reply: Reply): void {
    this.#session.report(outcome);
    this.#session.reply(reply);
  }
}
