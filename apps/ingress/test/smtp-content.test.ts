/**
 * What may stand in a message, and that one message never becomes two (SMTP smuggling), at any boundary of segments; over
 * real sockets, with what is stored as the judge.
 */
import { dotStuffed, smtpSubmit, startRedis, type RawSmtp, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { converse, queuedId, startIngress, type TestIngress } from './fixture.ts';

let redis: TestRedis;
let strict: TestIngress;
let lenient: TestIngress;

beforeAll(async () => {
  redis = await startRedis();
  strict = await startIngress({ redis });
  lenient = await startIngress({ redis, smtp: { bareNewline: 'normalise' } });
});
afterAll(async () => {
  await strict.stop();
  await lenient.stop();
  await redis.stop();
});

/** A transaction up to 354. */
async function dataPhase(ingress: TestIngress): Promise<RawSmtp> {
  const client = await ingress.greeted();
  await converse(
    client,
    `C: MAIL FROM:<a@sender.example>
     S: 250
     C: RCPT TO:<b@dest.example>
     S: 250
     C: DATA
     S: 354`,
  );
  return client;
}

const second =
  'MAIL FROM:<evil@sender.example>\r\nRCPT TO:<c@dest.example>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n';

describe('smuggling', () => {
  const ends = [
    ['LF . CR LF', '\n.\r\n'],
    ['LF . LF', '\n.\n'],
    ['CR . CR', '\r.\r'],
    ['CR LF . LF', '\r\n.\n'],
    ['CR LF . CR', '\r\n.\r'],
    ['CR . CR LF', '\r.\r\n'],
    ['CR CR LF . CR LF', '\r\r\n.\r\r\n'],
    ['CR LF . NUL CR LF', '\r\n.\0\r\n'],
    ['CR LF NUL . CR LF', '\r\n\0.\r\n'],
    ['LF CR LF . LF CR LF', '\n\r\n.\n\r\n'],
  ] as const;

  test.each(ends)('%s is refused 550 5.6.11 as one message, and nothing is stored', async (_name, end) => {
    const before = (await strict.stored()).length;
    const client = await dataPhase(strict);
    client.write(Buffer.from(`Subject: first\r\n\r\nfirst${end}${second}.\r\n`, 'latin1'));
    await client.expect(/^550 5\.6\.11/);
    await converse(client, 'C: NOOP\nS: 250');
    expect((await strict.stored()).length).toBe(before);
  });

  test.each(ends.filter(([name]) => !name.includes('NUL')))(
    'normalised, %s stays content of the one message, every line ending in CRLF',
    async (_name, end) => {
      const before = (await lenient.stored()).length;
      const client = await dataPhase(lenient);
      client.write(Buffer.from(`Subject: first\r\n\r\nfirst${end}${second}.\r\n`, 'latin1'));
      const { relayed } = await lenient.message(queuedId((await client.expect(250)).line));
      expect(relayed.toString('latin1')).toContain('evil\r\n');
      expect(relayed.toString('latin1')).not.toMatch(/(^|[^\r])\n|\r(?!\n)/);
      expect((await lenient.stored()).length).toBe(before + 1);
    },
  );

  test('a split terminator ends the message once, wherever it is split', async () => {
    const client = await strict.greeted();
    const data = 'Subject: x\r\n\r\n..a\r\n.\r\n';
    for (let place = 1; place < data.length; place++) {
      await converse(client, 'C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<b@dest.example>\nS: 250\nC: DATA\nS: 354');
      client.write(data.slice(0, place));
      await new Promise((resolve) => setImmediate(resolve));
      client.write(data.slice(place));
      const { relayed } = await strict.message(queuedId((await client.expect(250)).line));
      expect(relayed.toString()).toBe('Subject: x\r\n\r\n.a\r\n');
    }
  });

  test('octet by octet it is the same message', async () => {
    const client = await dataPhase(strict);
    for (const octet of 'Subject: x\r\n\r\n..a\r\n...\r\n.\r\n') {
      client.write(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { relayed } = await strict.message(queuedId((await client.expect(250)).line));
    expect(relayed.toString()).toBe('Subject: x\r\n\r\n.a\r\n..\r\n');
  });
});

describe('content is stored byte for byte', () => {
  const binary = Buffer.from(Array.from({ length: 255 }, (_, octet) => octet + 1))
    .toString('latin1')
    .replace(/[\r\n]/g, '');
  test.each([
    ['8-bit octets', `Subject: x\r\n\r\n${binary}\r\n`],
    ['a very long line', `Subject: x\r\n\r\n${'y'.repeat(200_000)}\r\n`],
    ['dots in every place', '.\r\n..\r\n...\r\n.a\r\n..a\r\na.\r\n.\r\n\r\n.\r\n'],
    ['no header', '\r\nbody\r\n'],
    ['only a header', 'Subject: x\r\n'],
    ['nothing', ''],
    ['an empty line', '\r\n'],
    ['blanks at the ends', 'Subject: x \r\n\r\n \t \r\n\r\n\r\n'],
    ['1 MiB', `Subject: x\r\n\r\n${'0123456789abcde\r\n'.repeat(61_681)}`],
  ])('%s', async (_name, text) => {
    const body = Buffer.from(text, 'latin1');
    const { final } = await smtpSubmit({
      port: strict.smtpPort,
      from: 'a@sender.example',
      to: 'b@dest.example',
      body,
    });
    const { relayed } = await strict.message(queuedId(final?.line));
    expect(relayed.equals(body)).toBe(true);
  });

  test('what is stored, stuffed again, is what came', async () => {
    const sent = '..\r\n...\r\n..x\r\n\r\n';
    const client = await dataPhase(strict);
    client.write(`${sent}.\r\n`);
    const { relayed } = await strict.message(queuedId((await client.expect(250)).line));
    expect(dotStuffed(relayed).toString()).toBe(`${sent}.\r\n`);
  });
});
