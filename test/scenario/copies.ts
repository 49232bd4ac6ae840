/**
 * For scenarios that kill processes: a destination host that can hold its final replies, and mail that comes in all the
 * time. Messages are known by their subjects, so that every copy the host was given can be counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  dotStuffed,
  rawSmtp,
  startSmtpHost,
  type SmtpHost,
  type TransactionRecord,
} from '@mailwheel/testkit';

const subjectOf = ({ body }: TransactionRecord): string =>
  /^Subject: (.*)\r$/m.exec(body.toString())?.[1] ?? '';

/** Between terminator and reply for `replyMs`, or until `release` while it holds. */
export class HoldingHost {
  readonly smtp: SmtpHost;
  #gate: PromiseWithResolvers<void> | undefined;

  private constructor(smtp: SmtpHost) {
    this.smtp = smtp;
  }

  static async start(replyMs: number): Promise<HoldingHost> {
    const host = new HoldingHost(await startSmtpHost());
    host.smtp.behave({
      final: async () => {
        await host.#gate?.promise;
        return { delayMs: replyMs, reply: '250 2.0.0 Ok' };
      },
    });
    return host;
  }

  /** From now on no final reply leaves. */
  hold(): void {
    this.#gate ??= Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Subjects of all copies that came completely, over connections greeted with this EHLO name, or over all. */
  subjects(heloName?: string): string[] {
    const theirs = new Set(this.#connectionsOf(heloName).map((one) => one.number));
    return this.smtp.transactions.filter((one) => theirs.has(one.connection)).map(subjectOf);
  }

  /** Messages that wait for their final reply. */
  heldFor(heloName?: string): number {
    const theirs = new Set(this.#connectionsOf(heloName).map((one) => one.number));
    return this.smtp.transactions.filter((one) => one.reply === undefined && theirs.has(one.connection))
      .length;
  }

  /** Connections of a client that are open: none any more after its death, and all it had sent has been read. */
  openFor(heloName?: string): number {
    return this.#connectionsOf(heloName).filter((one) => one.closedAtMs === undefined).length;
  }

  /** Subjects that came more than once, as often as they came beyond the first time. */
  secondCopies(): string[] {
    const seen = new Set<string>();
    return this.subjects()
      .filter((subject) => seen.has(subject) || seen.add(subject) === undefined)
      .toSorted();
  }

  #connectionsOf(heloName: string | undefined): SmtpHost['connections'] {
    return this.smtp.connections.filter((one) => heloName === undefined || one.heloName === heloName);
  }
}

/** Clients that submit one message after the other until told to stop, or until their connection breaks. */
export class Traffic {
  /** Id by subject, of every message that was answered 250. */
  readonly answered = new Map<string, string>();
  readonly #clients: Promise<void>[];
  #going = true;
  #count = 0;

  constructor(port: number, to: (index: number) => string, clients = 4) {
    this.#clients = Array.from({ length: clients }, async () => this.#run(port, to));
  }

  /** Resolves when each client has its last reply or its connection has ended. */
  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#clients);
  }

  async #run(port: number, to: (index: number) => string): Promise<void> {
    const session = await rawSmtp(port, { timeoutMs: 30_000 });
    try {
      await session.expect(220);
      await session.command('EHLO traffic.example', 250);
      while (this.#going) {
        const index = this.#count++;
        const subject = `message ${index}`;
        session.send('MAIL FROM:<sender@source.test>', `RCPT TO:<${to(index)}>`, 'DATA');
        await session.expect(250);
        await session.expect(250);
        await session.expect(354);
        session.write(dotStuffed(`Subject: ${subject}\r\n\r\nNumber ${index}.\r\n`));
        const id = /queued as (\w+)/.exec((await session.expect(250)).line)?.[1];
        if (id !== undefined) this.answered.set(subject, id);
        await sleep(5);
      }
    } catch {
      // The ingress is gone: what it has not answered is the client's to send again.
    } finally {
      session.close();
    }
  }
}
