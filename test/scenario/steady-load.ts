/**
 * Mail that keeps coming whatever happens to Redis: clients that take a 4xx for an answer and go on, and write down how
 * long every reply took. Messages are known by their subjects.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { dotStuffed, rawSmtp, type RawSmtp, type TransactionRecord } from '@mailwheel/testkit';

export interface SteadyLoadOptions {
  readonly port: number;
  readonly to: (index: number) => readonly string[];
  readonly clients?: number;
  readonly pauseMs?: number;
}

export class SteadyLoad {
  /** Subjects of the messages that were answered 250, with their recipients. */
  readonly accepted = new Map<string, readonly string[]>();
  /** Replies that refused for now, as often as each came. */
  readonly refused = new Map<string, number>();
  longestReplyMs = 0;
  /** Connections that ended without a reply: there must be none. */
  broken = 0;
  readonly #options: SteadyLoadOptions;
  readonly #clients: Promise<void>[];
  #going = true;
  #count = 0;

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    this.#clients = Array.from({ length: options.clients ?? 4 }, async () => this.#run());
  }

  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#clients);
  }

  async #run(): Promise<void> {
    while (this.#going) {
      let session: RawSmtp | undefined;
      try {
        session = await rawSmtp(this.#options.port, { timeoutMs: 15_000 });
        await session.expect(220);
        await session.command('EHLO load.example', 250);
        while (this.#going) {
          await this.#submit(session);
          await sleep(this.#options.pauseMs ?? 5);
        }
      } catch {
        this.broken += 1;
        await sleep(50);
      } finally {
        session?.close();
      }
    }
  }

  async #submit(session: RawSmtp): Promise<void> {
    const index = this.#count++;
    const subject = `load ${index}`;
    const to = this.#options.to(index);
    const commands = [
      'MAIL FROM:<sender@source.test>',
      ...to.map((address) => `RCPT TO:<${address}>`),
      'DATA',
    ];
    for (const command of commands) {
      if (!(await this.#ask(session, () => session.send(command)))) {
        await session.command('RSET', 250);
        return;
      }
    }
    const body = dotStuffed(`Subject: ${subject}\r\n\r\nNumber ${index}.\r\n`);
    if (await this.#ask(session, () => session.write(body))) this.accepted.set(subject, to);
  }

  /** True: a 2xx or 3xx. */
  async #ask(session: RawSmtp, send: () => void): Promise<boolean> {
    const sentAtMs = performance.now();
    send();
    const { code, enhancedCode, line } = await session.expect();
    this.longestReplyMs = Math.max(this.longestReplyMs, performance.now() - sentAtMs);
    if (code < 400) return true;
    if (code >= 500) throw new Error(`refused for good: ${line}`);
    const reply = `${code} ${enhancedCode ?? ''}`.trim();
    this.refused.set(reply, (this.refused.get(reply) ?? 0) + 1);
    return false;
  }
}

/** `subject recipient` of everything that was answered 250 and that the host was not given. */
export function missing(load: SteadyLoad, transactions: readonly TransactionRecord[]): string[] {
  const given = new Set<string>();
  for (const one of transactions) {
    const subject = /^Subject: (.*)\r$/m.exec(one.body.toString())?.[1] ?? '';
    for (const { address } of one.recipients) given.add(`${subject} ${address}`);
  }
  return [...load.accepted].flatMap(([subject, to]) =>
    to.map((address) => `${subject} ${address}`).filter((wanted) => !given.has(wanted)),
  );
}
