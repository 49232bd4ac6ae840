/** Submits one message and tells every reply: the simple client of the tests. */
import { rawSmtp, type RawReply, type RawSmtpOptions } from './raw-smtp.ts';

export interface SubmitOptions extends RawSmtpOptions {
  readonly port: number;
  /** Without angle brackets; `''` is the null reverse-path. */
  readonly from: string;
  readonly to: string | readonly string[];
  /** With CRLF line ends; dots are stuffed here. Default: a small message. */
  readonly body?: string | Buffer;
  readonly heloName?: string;
  readonly mailParameters?: string;
  readonly rcptParameters?: string;
  readonly startTls?: boolean;
  readonly auth?: { readonly user: string; readonly password: string };
}

export interface SubmitReplies {
  readonly greeting: RawReply;
  readonly ehlo: RawReply;
  readonly auth?: RawReply;
  readonly mail: RawReply;
  readonly rcpt: readonly RawReply[];
  /** Absent: no recipient was accepted, DATA was not sent. */
  readonly data?: RawReply;
  readonly final?: RawReply;
}

/** Connects, submits, quits. Replies of refusal are not errors: look at them. Throws if the server closes early. */
export async function smtpSubmit(options: SubmitOptions): Promise<SubmitReplies> {
  const client = await rawSmtp(options.port, options);
  try {
    const greeting = await client.expect();
    const hello = `EHLO ${options.heloName ?? 'client.example'}`;
    let ehlo = await client.command(hello);
    if (options.startTls === true) {
      await client.startTls();
      ehlo = await client.command(hello);
    }
    let auth: RawReply | undefined;
    if (options.auth !== undefined) {
      const { user, password } = options.auth;
      auth = await client.command(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`);
    }
    const mail = await client.command(`MAIL FROM:<${options.from}>${suffix(options.mailParameters)}`);
    const rcpt: RawReply[] = [];
    for (const address of typeof options.to === 'string' ? [options.to] : options.to) {
      rcpt.push(await client.command(`RCPT TO:<${address}>${suffix(options.rcptParameters)}`));
    }
    const before = { greeting, ehlo, mail, rcpt, ...(auth === undefined ? {} : { auth }) };
    if (mail.code !== 250 || !rcpt.some((reply) => reply.code < 300)) return before;
    const data = await client.command('DATA');
    if (data.code !== 354) return { ...before, data };
    client.write(dotStuffed(options.body ?? 'Subject: test\r\n\r\nHello.\r\n'));
    const final = await client.expect();
    client.send('QUIT');
    await client.closed();
    return { ...before, data, final };
  } finally {
    client.close();
  }
}

/** A message as it goes on the wire after DATA: dots stuffed, with its terminator (RFC 5321 section 4.5.2). */
export function dotStuffed(body: string | Buffer): Buffer {
  const text = (typeof body === 'string' ? Buffer.from(body) : body).toString('latin1');
  const stuffed = text.replace(/(^|\r\n)\./g, '$1..');
  const end = stuffed === '' || stuffed.endsWith('\r\n') ? '.\r\n' : '\r\n.\r\n';
  return Buffer.from(stuffed + end, 'latin1');
}

function suffix(parameters: string | undefined): string {
  return parameters === undefined ? '' : ` ${parameters}`;
}
