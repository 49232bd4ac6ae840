/**
 * SMTP smuggling, in and out: whatever line ends, dots and NULs a client sends, cut into segments wherever it likes, never
 * two messages come of one, and what the next host gets holds no line that a lax server could take for the end of data.
 * Real processes; the judge is what came over the wire at the destination.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { rawSmtp, waitFor, type RawSmtp } from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WireHost } from './hostile-wire.ts';
import { startTier, type Tier } from './tier.ts';

let host: WireHost;
let tier: Tier;
/** Port of an ingress of the same tier that normalises. */
let lenientPort: number;

beforeAll(async () => {
  host = await WireHost.start();
  tier = await startTier({ routes: `ALL 127.0.0.1:${host.port}\n` });
  const lenient = await tier.startRole('ingress', {
    MAILWHEEL__INGRESS__SMTP__LISTEN: '127.0.0.1:0',
    MAILWHEEL__INGRESS__HTTP__LISTEN: '127.0.0.1:0',
    MAILWHEEL__INGRESS__SMTP__BARENEWLINE: 'normalise',
  });
  lenientPort = Number(lenient.addresses['smtp']?.split(':').at(-1));
}, 60_000);
afterAll(async () => {
  await tier?.stop();
  await host?.stop();
});
beforeEach(() => host.forget());

async function greeted(port: number): Promise<RawSmtp> {
  const client = await rawSmtp(port);
  await client.expect(220);
  await client.command('EHLO attacker.example', 250);
  return client;
}

async function toData(client: RawSmtp): Promise<void> {
  client.send('MAIL FROM:<attacker@source.example>', 'RCPT TO:<victim@dest.example>', 'DATA');
  await client.expect(250);
  await client.expect(250);
  await client.expect(354);
}

/** A message that follows ours over the same way: when it has come, whatever went before it has come too. */
async function lastOne(client: RawSmtp, mark: string): Promise<void> {
  await toData(client);
  client.write(`Subject: ${mark}\r\n\r\nlast\r\n.\r\n`);
  await client.expect(250);
  await waitFor(`the message ${mark}`, () => host.data.some((data) => data.includes(mark)));
}

/** What an attacker wants to be a message of its own. */
const forged =
  'MAIL FROM:<ceo@dest.example>\r\nRCPT TO:<forged@dest.example>\r\nDATA\r\nSubject: forged\r\n\r\nforged\r\n';

const ends: readonly (readonly [name: string, octets: string])[] = [
  ['LF . CR LF', '\n.\r\n'],
  ['LF . LF', '\n.\n'],
  ['LF . CR', '\n.\r'],
  ['CR . CR', '\r.\r'],
  ['CR . LF', '\r.\n'],
  ['CR . CR LF', '\r.\r\n'],
  ['CR LF . LF', '\r\n.\n'],
  ['CR LF . CR', '\r\n.\r'],
  ['CR LF . CR CR LF', '\r\n.\r\r\n'],
  ['CR CR LF . CR CR LF', '\r\r\n.\r\r\n'],
  ['LF CR . LF CR', '\n\r.\n\r'],
  ['LF LF . LF LF', '\n\n.\n\n'],
  ['LF .. CR LF', '\n..\r\n'],
  ['CR LF . NUL CR LF', '\r\n.\0\r\n'],
  ['CR LF NUL . CR LF', '\r\n\0.\r\n'],
  ['CR NUL LF . CR NUL LF', '\r\0\n.\r\0\n'],
];

describe('in, refused', () => {
  test.each(ends)('%s is content of one refused message', async (_name, end) => {
    const client = await greeted(tier.smtpPort);
    await toData(client);
    client.write(Buffer.from(`Subject: first\r\n\r\nfirst${end}${forged}.\r\n`, 'latin1'));
    await client.expect(/^550 5\.6\.11/);
    await lastOne(client, 'after-refusal');
    expect(host.data).toHaveLength(1);
    expect(host.commands.join()).not.toMatch(/forged|ceo/);
    client.close();
  });

  test.each([
    ['CR', '\r'],
    ['LF', '\n'],
    ['NUL', '\0'],
  ])(
    'one bare %s anywhere refuses the message, in the header, at its edge, in the body',
    async (_n, octet) => {
      const client = await greeted(tier.smtpPort);
      const message = 'Subject: x\r\n\r\nbody\r\n';
      for (const at of [0, 3, 11, 13, 16]) {
        await toData(client);
        client.write(Buffer.from(`${message.slice(0, at)}${octet}a${message.slice(at)}.\r\n`, 'latin1'));
        await client.expect(/^550 5\.6\.11/);
      }
      await lastOne(client, `after-${octet.charCodeAt(0)}`);
      expect(host.data).toHaveLength(1);
      client.close();
    },
  );
});

describe('in, normalised; and out', () => {
  const withoutNul = ends.filter(([, octets]) => !octets.includes('\0'));

  test.each(withoutNul)('%s leaves as lines of one message', async (_name, end) => {
    const client = await greeted(lenientPort);
    await toData(client);
    client.write(Buffer.from(`Subject: first\r\n\r\nfirst${end}${forged}.\r\n`, 'latin1'));
    await client.expect(250);
    await lastOne(client, 'after-normalised');
    await waitFor('both messages', () => host.data.length >= 2);
    expect(host.data).toHaveLength(2);
    const relayed = host.data.find((data) => data.includes('Subject: first')) as Buffer;
    expect(relayed.toString('latin1')).toContain('Subject: forged');
    expect(WireHost.laxEnds(relayed)).toBe(0);
    expect(relayed.toString('latin1').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(host.commands.join()).not.toMatch(/forged|ceo/);
    client.close();
  });

  test('NUL is refused all the same', async () => {
    const client = await greeted(lenientPort);
    await toData(client);
    client.write(Buffer.from(`Subject: first\r\n\r\nfirst\r\n.\0\r\n${forged}.\r\n`, 'latin1'));
    await client.expect(/^550 5\.6\.11/);
    client.close();
  });

  test('over HTTP, every line end of a file becomes CR LF and every dot is stuffed', async () => {
    const body = `Subject: file\n\nfirst${withoutNul.map(([, octets]) => octets).join('between')}${forged}\n.\n`;
    const query = 'from=attacker@source.example&to=victim@dest.example';
    const answer = await fetch(`http://127.0.0.1:${tier.httpPort}/v1/messages?${query}`, {
      method: 'POST',
      headers: { 'content-type': 'message/rfc822' },
      body,
    });
    expect(answer.status).toBe(202);
    const relayed = await waitFor('the message', () => host.data[0]);
    expect(WireHost.laxEnds(relayed)).toBe(0);
    expect(relayed.toString('latin1').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(host.commands.join()).not.toMatch(/forged|ceo/);
  });

  test('lines of dots leave stuffed, wherever they stand', async () => {
    const client = await greeted(tier.smtpPort);
    await toData(client);
    client.write('..\r\nSubject: dots\r\n\r\n..\r\n...\r\n..a\r\n\r\n..\r\n.\r\n');
    await client.expect(250);
    const relayed = await waitFor('the message', () => host.data[0]);
    expect(WireHost.laxEnds(relayed)).toBe(0);
    expect(relayed.toString()).toMatch(
      /\r\n\.\.\r\nSubject: dots\r\n\r\n\.\.\r\n\.\.\.\r\n\.\.a\r\n\r\n\.\.\r\n\.\r\n$/,
    );
    client.close();
  });
});

describe('segments', () => {
  /** Written apart, sent apart: Nagle's algorithm is off, and the other side has had time to read. */
  async function inPieces(client: RawSmtp, pieces: readonly string[]): Promise<void> {
    for (const piece of pieces) {
      client.write(Buffer.from(piece, 'latin1'));
      await sleep(2);
    }
  }

  test('an attack cut at any place is one refused message, and a message cut at any place one message', async () => {
    const client = await greeted(tier.smtpPort);
    const attack = 'S: x\r\n\r\n..a\n.\r\n\r.\r\r\n.\n\r\n..\r\n.\r\n';
    for (let at = 1; at < attack.length; at += 1) {
      await toData(client);
      await inPieces(client, [attack.slice(0, at), attack.slice(at)]);
      await client.expect(/^550 5\.6\.11/);
    }
    const message = 'S: cut\r\n\r\n..\r\n...\r\n.\r\n';
    for (let at = 1; at < message.length; at += 1) {
      await toData(client);
      await inPieces(client, [message.slice(0, at), message.slice(at)]);
      await client.expect(250);
    }
    const wanted = message.length - 1;
    await waitFor('all that were taken', () => host.data.length >= wanted);
    await lastOne(client, 'after-cuts');
    expect(host.data).toHaveLength(wanted + 1);
    for (const data of host.data.slice(0, wanted)) {
      expect(data.toString()).toMatch(/\r\nS: cut\r\n\r\n\.\.\r\n\.\.\.\r\n\.\r\n$/);
      expect(WireHost.laxEnds(data)).toBe(0);
    }
    client.close();
  });

  test('normalised, and cut at any place', async () => {
    const client = await greeted(lenientPort);
    const attack = 'S: cut\r\n\r\na\n.\r\nb\r.\rc\r\n.\nd\n\r.\n\re\r\n.\r\n';
    for (let at = 1; at < attack.length; at += 1) {
      await toData(client);
      await inPieces(client, [attack.slice(0, at), attack.slice(at)]);
      await client.expect(250);
    }
    await waitFor('all', () => host.data.length >= attack.length - 1);
    const contents = new Set(host.data.map((data) => data.subarray(data.indexOf('S: cut')).toString()));
    expect([...contents]).toHaveLength(1);
    for (const data of host.data) expect(WireHost.laxEnds(data)).toBe(0);
    client.close();
  });

  test('octet by octet, commands and all', async () => {
    const client = await greeted(tier.smtpPort);
    const dialogue = `MAIL FROM:<a@source.example>\r\nRCPT TO:<b@dest.example>\r\nDATA\r\nS: slow\r\n\r\n..\r\n.\r\n`;
    await inPieces(client, dialogue.split(''));
    await client.expect(250);
    await client.expect(250);
    await client.expect(354);
    await client.expect(250);
    const [relayed] = [await waitFor('the message', () => host.data[0])];
    expect(relayed.toString()).toMatch(/\r\nS: slow\r\n\r\n\.\.\r\n\.\r\n$/);
    client.close();
  });
});
