/**
 * The driver of an attack: clients that submit over SMTP and HTTP. What it is about to send is in its file before the first
 * byte leaves, and what it was told is there before it is counted, so that its file alone can hold the tier to its word.
 */
import { join } from 'node:path';
import { HttpClient } from './http-client.ts';
import { readPlace } from './layout.ts';
import { MailMaker, type JsonMail, type Mail } from './mail.ts';
import { randomOf } from './random.ts';
import { files, RecordFile, type AnswerRecord, type SilenceRecord, type SubmitRecord } from './records.ts';
import { SmtpClient, type Submitted } from './smtp-client.ts';

export type DriverOrder = { readonly kind: 'hold' | 'go' | 'finish' };

export interface DriverNews {
  readonly kind: 'count' | 'finished';
  readonly submitted: number;
  readonly accepted: number;
  readonly refused: number;
  readonly silent: number;
}

const [, , folder = '.', limitText = '0'] = process.argv;
const at = readPlace(folder);
const messagesMax = Number(limitText) || Number.POSITIVE_INFINITY;
const records = new RecordFile<SubmitRecord | AnswerRecord | SilenceRecord>(join(folder, files.driver));
const maker = new MailMaker(randomOf(at.seed, 'mail'), at.plan.domains);
const counts = { submitted: 0, accepted: 0, refused: 0, silent: 0 };
const smtpClients = 6;
const httpClients = 2;
let held = false;
let finishing = false;

function submits(mail: Mail | JsonMail, via: SubmitRecord['via']): void {
  const { number, from, to, digest } = mail;
  const bytes = 'bytes' in mail ? mail.bytes.length : mail.body.length;
  records.write({ kind: 'submit', number, atMs: Date.now(), via, from, to, digest, bytes });
  counts.submitted += 1;
}

function told(number: number, ingress: string, result: Submitted & { readonly id?: string }): void {
  const atMs = Date.now();
  if (result.kind === 'silence') {
    records.write({ kind: 'silence', number, atMs, ingress, complete: result.complete });
    counts.silent += 1;
    return;
  }
  const { code, reply } = result;
  const id = result.id ?? /queued as (m[0-9a-z]+)/.exec(reply)?.[1];
  records.write({
    kind: 'answer',
    number,
    atMs,
    ingress,
    code,
    reply,
    ...(id === undefined ? {} : { id }),
  });
  if (code < 300) counts.accepted += 1;
  else counts.refused += 1;
}

/** Whether another message may be made; waits while the tier has enough to do. */
async function mayGoOn(): Promise<boolean> {
  while (held && !finishing) await pause(100);
  return !finishing && counts.submitted < messagesMax;
}

async function smtpLoop(name: string): Promise<void> {
  const random = randomOf(at.seed, name);
  let client: SmtpClient | undefined;
  while (await mayGoOn()) {
    if (client === undefined || random.chance(0.05)) {
      client?.close();
      client = new SmtpClient(random.pick(at.ingresses), random);
    }
    if (!(await client.open())) {
      client = undefined;
      await pause(100);
      continue;
    }
    const mail = maker.next();
    submits(mail, 'smtp');
    const result = await client.submit(mail);
    told(mail.number, client.ingress, result);
    // A busy or closing server is not hammered.
    if (result.kind === 'answered' && result.code >= 400) await pause(random.whole(20, 300));
  }
  client?.close();
}

async function httpLoop(name: string): Promise<void> {
  const random = randomOf(at.seed, name);
  const client = new HttpClient(at.ingresses, random, at.scale.tombstoneSeconds * 1000);
  while (await mayGoOn()) {
    const isJson = random.chance(0.3);
    const mail = isJson ? maker.nextJson() : maker.next();
    submits(mail, isJson ? 'json' : 'http');
    await client.submit(mail, ({ ingress, result }) => told(mail.number, ingress, result));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

process.on('message', ({ kind }: DriverOrder) => {
  if (kind === 'finish') finishing = true;
  else held = kind === 'hold';
});
process.on('disconnect', () => process.exit(finishing ? 0 : 1));
const ticker = setInterval(() => process.send?.({ kind: 'count', ...counts } satisfies DriverNews), 250);
await Promise.all([
  ...Array.from({ length: smtpClients }, (_, index) => smtpLoop(`smtp client ${index}`)),
  ...Array.from({ length: httpClients }, (_, index) => httpLoop(`http client ${index}`)),
]);
clearInterval(ticker);
records.close();
process.send?.({ kind: 'finished', ...counts } satisfies DriverNews);
process.disconnect();
