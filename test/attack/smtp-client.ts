/** A client of the attack that submits over SMTP: some pipeline, some wait for every reply, some walk away in the middle. */
import { dotStuffed, rawSmtp, type RawSmtp } from '@mailwheel/testkit';
import type { PlacedIngress } from './layout.ts';
import type { Mail } from './mail.ts';
import type { Random } from './random.ts';

export type Submitted =
  | { readonly kind: 'answered'; readonly code: number; readonly reply: string }
  /** `complete`: the final dot had left. */
  | { readonly kind: 'silence'; readonly complete: boolean };

const replyWaitMs = 30_000;

export class SmtpClient {
  readonly #ingress: PlacedIngress;
  readonly #random: Random;
  #session: RawSmtp | undefined;
  /** Messages left on this connection. */
  #left = 0;

  constructor(ingress: PlacedIngress, random: Random) {
    this.#ingress = ingress;
    this.#random = random;
  }

  get ingress(): string {
    return this.#ingress.name;
  }

  /** False: there is no session to be had now; nothing was said of a message. */
  async open(): Promise<boolean> {
    if (this.#session !== undefined && !this.#session.ended && this.#left > 0) return true;
    this.close();
    const { smtpPort, proxyPort } = this.#ingress;
    try {
      const session = await rawSmtp(this.#random.chance(0.3) ? proxyPort : smtpPort, {
        timeoutMs: replyWaitMs,
      });
      this.#session = session;
      await session.expect(220);
      await session.command('EHLO client.attack.test', 250);
      this.#left = this.#random.whole(1, 60);
      return true;
    } catch {
      this.close();
      return false;
    }
  }

  async submit(mail: Mail): Promise<Submitted> {
    const session = this.#session;
    if (session === undefined) throw new Error('submit comes after open');
    this.#left -= 1;
    let complete = false;
    try {
      const refusal = await this.#envelope(session, mail);
      if (refusal !== undefined) return refusal;
      if (this.#random.chance(0.006)) return this.#walkAway(session, dotStuffed(mail.bytes));
      complete = true;
      session.write(dotStuffed(mail.bytes));
      const reply = await session.expect();
      if (this.#left === 0) session.send('QUIT');
      return { kind: 'answered', code: reply.code, reply: reply.line };
    } catch {
      this.close();
      return { kind: 'silence', complete };
    }
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  /** What refused the message, if something did: the transaction is then over. */
  async #envelope(session: RawSmtp, mail: Mail): Promise<Submitted | undefined> {
    const commands = [
      `MAIL FROM:<${mail.from}> BODY=8BITMIME`,
      ...mail.to.map((to) => `RCPT TO:<${to}>`),
      'DATA',
    ];
    const pipelined = this.#random.chance(0.5);
    if (pipelined) session.send(...commands);
    let refused: Submitted | undefined;
    let data = false;
    for (const command of commands) {
      if (!pipelined) session.send(command);
      const { code, line } = await session.expect();
      data = code === 354;
      if (code >= 400) refused ??= { kind: 'answered', code, reply: line };
      // Once refused, the rest is only asked of a server that has the commands already.
      if (code === 421 || (!pipelined && refused !== undefined)) break;
    }
    if (refused === undefined) return undefined;
    // Some recipients were taken and some not: this message is for all of them or nobody, so the session ends before its dot.
    if (data) this.close();
    else session.send('RSET');
    if (!data) await session.expect().catch(() => this.close());
    return refused;
  }

  /** The connection ends before the final dot: nobody may ever get this message. */
  #walkAway(session: RawSmtp, bytes: Buffer): Submitted {
    const kind = this.#random.weighted({ middle: 1, 'before-dot': 1 });
    const sent = kind === 'middle' ? Math.floor(bytes.length / 2) : bytes.length - 3;
    session.write(bytes.subarray(0, sent));
    if (this.#random.chance(0.5)) session.socket.end();
    else session.reset();
    this.#session = undefined;
    return { kind: 'silence', complete: false };
  }
}
