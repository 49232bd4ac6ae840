/**
 * Acceptance 12: what a client sends is what the destination host gets, byte for byte, behind one Received line of ours.
 * The corpus is made here: every odd message we could think of, and seeded random ones; through real ingress and worker
 * processes to a scripted host that keeps what it got.
 */
import { rawSmtp, smtpSubmit, startSmtpHost, waitFor, type RawSmtp, type SmtpHost } from '@mailwheel/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageIdOf, startTier, type Tier } from './tier.ts';

let host: SmtpHost;
let tier: Tier;

beforeAll(async () => {
  host = await startSmtpHost();
  tier = await startTier({ routes: `dest.example 127.0.0.1:${host.port}\n` });
}, 60_000);
afterAll(async () => {
  await tier.stop();
  await host.stop();
});

const everyOctet = Buffer.from(Array.from({ length: 255 }, (_, octet) => octet + 1))
  .toString('latin1')
  .replace(/[\r\n]/g, '');

/** Octets as latin1 text; every line ends in CRLF, as SMTP frames it. */
const corpus: readonly (readonly [name: string, message: string])[] = [
  ['an ordinary message', 'From: a@b.example\r\nSubject: hello\r\n\r\nHello.\r\n'],
  ['every octet but NUL, CR and LF', `Subject: octets\r\n\r\n${everyOctet}\r\n`],
  [
    '8-bit octets in the header',
    'Subject: Gr\xfc\xdfe\r\nX-Utf8: Gr\xc3\xbc\xc3\x9fe\r\n\r\n\xe4\xf6\xfc\r\n',
  ],
  ['octets that are no UTF-8', 'Subject: x\r\n\r\n\xc3\x28\xff\xfe\x80\r\n'],
  ['a line of 998 octets', `Subject: x\r\n\r\n${'y'.repeat(998)}\r\n`],
  ['a line of 300,000 octets', `Subject: x\r\n\r\n${'z'.repeat(300_000)}\r\n`],
  ['a header line of 20,000 octets', `X-Long: ${'h'.repeat(20_000)}\r\n\r\nbody\r\n`],
  ['one dot', 'Subject: x\r\n\r\n.\r\n'],
  ['dots in every place', '.\r\n..\r\n...\r\n.a\r\n..a\r\na.\r\n.\r\n\r\n.\r\n..\r\n'],
  ['only dots', '.\r\n'.repeat(500)],
  ['a thousand stuffed lines', `Subject: x\r\n\r\n${'.dot\r\n..\r\n'.repeat(1000)}`],
  [
    'what looks like the end of another message',
    'Subject: x\r\n\r\n.\r\nMAIL FROM:<x@y.example>\r\nDATA\r\n.\r\nQUIT\r\n',
  ],
  ['no header', '\r\nbody only\r\n'],
  ['text that is no header', 'Hello, this is no header\r\nnor this\r\n'],
  ['only a header', 'Subject: only\r\n'],
  ['only a header and the empty line', 'Subject: only\r\n\r\n'],
  ['nothing', ''],
  ['one empty line', '\r\n'],
  ['a hundred empty lines', '\r\n'.repeat(100)],
  ['a body that begins with empty lines', 'Subject: x\r\n\r\n\r\n\r\nlate\r\n'],
  ['blanks at the ends of lines', 'Subject: x \t \r\n\r\n a \r\n\t\r\n \r\n'],
  ['folded header fields', 'Subject: one\r\n two\r\n\tthree\r\nX:\r\n y\r\n\r\n\r\n'],
  [
    'our own field names',
    'Received: from x by y; z\r\nReturn-Path: <p@q.example>\r\nBcc: secret@r.example\r\nDKIM-Signature: v=1\r\n\r\n\r\n',
  ],
  ['form feeds, bells, escapes', 'Subject: x\r\n\r\n\x07\x0b\x0c\x1b[31mred\x1b[0m\x7f\r\n'],
  ['From at the start of a line', 'Subject: x\r\n\r\nFrom nobody\r\n>From nobody\r\n'],
  ['a quoted-printable part', 'Content-Transfer-Encoding: quoted-printable\r\n\r\n=2E=\r\n=\r\n.=3D\r\n'],
  ['1 MiB of base64', `Subject: big\r\n\r\n${`${'QUJD'.repeat(19)}\r\n`.repeat(13_444)}`],
  ['1 MiB without a line end but the last', `Subject: big\r\n\r\n${'.'.repeat(1_048_576)}\r\n`],
  ...randomMessages(60, 20_251_124),
];

/** Pieces that terminators, stuffing and chunk boundaries could stumble over, in random order. The seed is in the name. */
function randomMessages(count: number, seed: number): (readonly [string, string])[] {
  const pieces = [
    '\r\n',
    '\r\n',
    '.',
    '..',
    '\r\n.',
    '\r\n..',
    'a',
    'word ',
    '\xff',
    '\t',
    ' ',
    'x'.repeat(70),
    'y'.repeat(4095),
  ];
  let state = seed;
  const random = (below: number): number => {
    // Numerical Recipes' generator: any would do, it must only be the same everywhere.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: count }, (_, index) => {
    const parts = Array.from({ length: random(80) }, () => pieces[random(pieces.length)]);
    return [`random ${index} of seed ${seed}`, `${parts.join('')}\r\n`] as const;
  });
}

/** Ours has exactly these four lines: a message may begin with a blank, and must not be taken for a part of it. */
const trace =
  /^Received: from \S+(?: \(\[127\.0\.0\.1\]\))?\r\n\tby relay\.test with (?:ESMTP|HTTP) id m\w+\r\n\tfor <[^>]+>;\r\n\t\w{3}, [^\r\n]+\r\n/;

/** What the host got for this recipient, without our Received line. */
async function relayed(address: string): Promise<Buffer> {
  const transaction = await waitFor(
    `the message for ${address}`,
    () =>
      host.transactions.find(({ recipients }) =>
        recipients.some((recipient) => recipient.address === address),
      ),
    20_000,
  );
  const head = trace.exec(transaction.body.toString('latin1'))?.[0];
  if (head === undefined)
    throw new Error(`no Received line of ours: ${transaction.body.toString('latin1', 0, 300)}`);
  return transaction.body.subarray(head.length);
}

function firstDifference(got: Buffer, sent: Buffer): string {
  let at = 0;
  while (at < got.length && at < sent.length && got[at] === sent[at]) at++;
  if (at === got.length && at === sent.length) return 'none';
  const near = (of: Buffer): string =>
    JSON.stringify(of.subarray(Math.max(0, at - 10), at + 20).toString('latin1'));
  return `at ${at} of ${sent.length}: sent ${near(sent)}, got ${near(got)} (${got.length} octets)`;
}

describe('over SMTP', () => {
  test.each(corpus.map(([name, message], index) => [name, message, index] as const))(
    '%s arrives as it was sent',
    async (_name, message, index) => {
      const sent = Buffer.from(message, 'latin1');
      const to = `smtp${index}@dest.example`;
      const replies = await smtpSubmit({
        port: tier.smtpPort,
        from: 'a@sender.example',
        to,
        body: sent,
        mailParameters: 'BODY=8BITMIME',
      });
      messageIdOf(replies);
      expect(firstDifference(await relayed(to), sent)).toBe('none');
    },
  );

  test('whatever way the octets are cut into segments', async () => {
    const sent = 'Subject: cuts\r\n\r\n..\r\n.a\r\n\r\n..b\r\n...\r\n';
    const client = await greeted();
    for (let size = 1; size < 12; size++) {
      await transaction(client, `cut${size}@dest.example`);
      for (let at = 0; at < sent.length; at += size) {
        client.write(sent.slice(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      client.write('.\r\n');
      await client.expect(/^250 2\.0\.0/);
    }
    client.close();
    for (let size = 1; size < 12; size++) {
      const got = await relayed(`cut${size}@dest.example`);
      expect(got.toString()).toBe('Subject: cuts\r\n\r\n.\r\na\r\n\r\n.b\r\n..\r\n');
    }
  });

  test.each([
    ['NUL', 'Subject: x\r\n\r\na\0b\r\n'],
    ['a bare LF', 'Subject: x\r\n\r\na\nb\r\n'],
    ['a bare CR', 'Subject: x\r\n\r\na\rb\r\n'],
    ['LF . LF', 'Subject: x\r\n\r\na\n.\nb\r\n'],
  ])('a message with %s is refused 550 5.6.11 and reaches nobody', async (_name, message) => {
    const before = host.transactions.length;
    const client = await greeted();
    await transaction(client, 'refused@dest.example');
    client.write(`${message}.\r\n`);
    await client.expect(/^550 5\.6\.11/);
    // A message behind it arrives: had the refused one been taken, it would have been there first.
    await transaction(client, `after${before}@dest.example`);
    client.write('Subject: after\r\n\r\n.\r\n');
    await client.expect(/^250/);
    await relayed(`after${before}@dest.example`);
    client.close();
    expect(
      host.transactions.flatMap(({ recipients }) => recipients.map(({ address }) => address)),
    ).not.toContain('refused@dest.example');
  });
});

describe('over HTTP', () => {
  const post = async (to: string, body: string): Promise<void> => {
    const response = await fetch(
      `http://127.0.0.1:${tier.httpPort}/v1/messages?from=a@sender.example&to=${to}`,
      { method: 'POST', headers: { 'content-type': 'message/rfc822' }, body: Buffer.from(body, 'latin1') },
    );
    expect(response.status).toBe(202);
  };

  test.each(corpus.slice(0, 28).map(([name, message], index) => [name, message, index] as const))(
    '%s arrives as it was posted',
    async (_name, message, index) => {
      const to = `http${index}@dest.example`;
      await post(to, message);
      expect(firstDifference(await relayed(to), Buffer.from(message, 'latin1'))).toBe('none');
    },
  );

  test('a missing last line end is added, for SMTP cannot do without', async () => {
    await post('unended@dest.example', 'Subject: x\r\n\r\n.no end');
    expect((await relayed('unended@dest.example')).toString()).toBe('Subject: x\r\n\r\n.no end\r\n');
  });

  test('line ends of a file become CRLF, and nothing else changes', async () => {
    await post('file@dest.example', 'Subject: x\n\n.a\n..\n\xe4\rb\r\n');
    const got = await relayed('file@dest.example');
    expect(got.toString('latin1')).toBe('Subject: x\r\n\r\n.a\r\n..\r\n\xe4\r\nb\r\n');
  });
});

async function greeted(): Promise<RawSmtp> {
  const client = await rawSmtp(tier.smtpPort);
  await client.expect(220);
  await client.command('EHLO client.example', 250);
  return client;
}

async function transaction(client: RawSmtp, to: string): Promise<void> {
  await client.command('MAIL FROM:<a@sender.example>', 250);
  await client.command(`RCPT TO:<${to}>`, 250);
  await client.command('DATA', 354);
}
