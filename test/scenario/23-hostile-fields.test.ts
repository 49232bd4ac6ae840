/** Fields of a JSON submission that would become header lines, files or URLs. What arrives at the destination is the judge. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { waitFor } from '@mailwheel/testkit';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { HttpStage, minimal, secret } from './hostile-http.ts';

let stage: HttpStage;

beforeAll(async () => {
  stage = await HttpStage.start();
}, 60_000);
afterAll(() => stage?.stop());
afterEach(() => stage.assertUnharmed());

const breaks = [
  '\r\nBcc: smuggled@dest.example',
  '\nX-Smuggled: 1',
  '\rX-Smuggled: 1',
  '\r\n\r\nsmuggled',
  '\u2028X: smuggled',
  '\0smuggled',
  '\u0085X: smuggled',
];

describe('no field becomes a header line of its own', () => {
  const places: readonly (readonly [string, (evil: string) => Record<string, unknown>])[] = [
    ['subject', (evil) => ({ subject: `x${evil}` })],
    ['from', (evil) => ({ from: `a@source.example${evil}` })],
    ['name of from', (evil) => ({ from: { name: `x${evil}`, address: 'a@source.example' } })],
    ['address of from', (evil) => ({ from: { name: 'x', address: `a${evil}@source.example` } })],
    ['quoted address of from', (evil) => ({ from: { address: `"a${evil}"@source.example` } })],
    ['name in a string', (evil) => ({ from: `x${evil} <a@source.example>` })],
    ['to', (evil) => ({ to: [`b@dest.example${evil}`] })],
    ['name of to', (evil) => ({ to: [{ name: `x${evil}`, address: 'b@dest.example' }] })],
    ['cc', (evil) => ({ cc: [`b@dest.example${evil}`] })],
    ['replyTo', (evil) => ({ replyTo: [`b@dest.example${evil}`] })],
    ['header value', (evil) => ({ headers: { 'X-A': `x${evil}` } })],
    ['header name', (evil) => ({ headers: { [`X-A${evil}`]: 'x' } })],
    ['filename', (evil) => ({ attachments: [{ contentBase64: '', filename: `x${evil}` }] })],
    ['content type', (evil) => ({ attachments: [{ contentBase64: '', contentType: `text/plain${evil}` }] })],
    ['content id', (evil) => ({ attachments: [{ contentBase64: '', cid: `x${evil}` }] })],
    ['envid', (evil) => ({ envid: `x${evil}` })],
  ];

  test.each(places)('%s', async (_place, more) => {
    for (const evil of breaks) {
      const { status, json } = await stage.submit({ ...minimal, ...more(evil) });
      expect({ evil, status }).toEqual({ evil, status: 422 });
      expect(json['type']).toBe('urn:mailwheel:problem:invalid-field');
    }
  });

  test.each([
    'Bcc',
    'bcc',
    'From',
    'Sender:',
    'Resent-Bcc',
    'Content-Type',
    'MIME-Version',
    'Received',
    'Return-Path',
    'X A',
    '',
  ])('the header name "%s" is refused', async (name) => {
    expect((await stage.submit({ ...minimal, headers: { [name]: 'x' } })).status).toBe(422);
  });

  test('whatever is let through, the header has the fields that were given and no others, and no line of blanks', async () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom(' ', '\t', ':', '"', '<', '>', '=', '?', 'ü', '\u{1f4e7}'),
        fc.string({ minLength: 1, maxLength: 1 }),
      ),
      maxLength: 120,
    });
    const blanks = fc
      .tuple(fc.nat({ max: 2000 }), fc.nat({ max: 200 }))
      .map(([count, letters]) => `a${' '.repeat(count)}${'b'.repeat(letters)}`);
    let number = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(text, blanks),
        fc.oneof(text, blanks),
        fc.oneof(text, blanks),
        async (subject, value, name) => {
          const mark = `mark-${(number += 1)}`;
          const { status } = await stage.submit({
            from: { address: 'a@source.example', name: name.slice(0, 100) },
            to: [{ address: `${mark}@dest.example`, name: name.slice(0, 100) }],
            subject: subject.slice(0, 2000),
            headers: { 'X-Value': value.slice(0, 8000) },
            text: 'x',
            attachments: [{ contentBase64: 'eA==', filename: name.slice(0, 100) || 'x' }],
          });
          if (status !== 202) {
            expect(status).toBe(422);
            return;
          }
          const got = await waitFor(mark, () =>
            stage.host.delivered.find((one) => one.recipients[0]?.address.startsWith(mark)),
          );
          const header = got.body.toString('latin1').split('\r\n\r\n')[0] ?? '';
          const lines = header.split('\r\n');
          expect(lines.filter((line) => line.trim() === '')).toEqual([]);
          const names = lines
            .filter((line) => !/^[ \t]/.test(line))
            .map((line) => line.split(':')[0]?.toLowerCase());
          expect(names.filter((one) => !known.has(one ?? ''))).toEqual([]);
          expect(new Set(names).size).toBe(names.length);
        },
      ),
      { numRuns: 120 },
    );
  }, 40_000);
  const known = new Set([
    'received',
    'from',
    'to',
    'subject',
    'x-value',
    'message-id',
    'date',
    'mime-version',
    'content-type',
  ]);

  test('a query with line breaks', async () => {
    for (const [name, value] of [
      ['from', 'a@source.example\r\nX: smuggled'],
      ['to', 'b@dest.example>\r\nRCPT TO:<smuggled@dest.example'],
      ['envid', 'x\r\nRSET'],
      ['ret', 'FULL\r\n'],
    ] as const) {
      const query = new URLSearchParams({ from: 'a@source.example', to: 'b@dest.example', [name]: value });
      const answer = await fetch(`http://127.0.0.1:${stage.tier.httpPort}/v1/messages?${query.toString()}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'message/rfc822' },
        body: 'Subject: x\r\n\r\nx\r\n',
      });
      expect(answer.status).toBe(422);
    }
  });
});

describe('attachments read no files and no URLs', () => {
  test('path, href, raw and content as objects, wherever they may stand', async () => {
    let asked = 0;
    const bait = createServer((_request, response) => {
      asked += 1;
      response.end('smuggled');
    });
    bait.listen(0, '127.0.0.1');
    await once(bait, 'listening');
    const { port } = bait.address() as { port: number };
    const href = `http://127.0.0.1:${port}/`;
    const sources = [
      { path: '/etc/passwd' },
      { path: href },
      { href },
      { raw: { path: '/etc/passwd' } },
      { raw: 'X: smuggled\r\n\r\n' },
      { content: { path: '/etc/passwd' } },
      { content: 'x', encoding: 'base64' },
    ];
    try {
      for (const source of sources) {
        for (const message of [
          { attachments: [source] },
          { attachments: [{ contentBase64: 'eA==', ...source }] },
          { attachments: [{ contentBase64: source }] },
          { attachments: [{ contentBase64: 'eA==', filename: source }] },
          { alternatives: [source] },
          { icalEvent: source },
          { text: source },
          { html: source },
          { subject: source },
          { headers: { 'X-A': source } },
          { from: source },
          { to: [source] },
          source,
        ]) {
          expect((await stage.submit({ ...minimal, ...message })).status).toBe(422);
        }
      }
      expect(asked).toBe(0);
      // What only looks like a source stays text.
      const { status } = await stage.submit({
        ...minimal,
        text: `path:${href}`,
        html: `<img src="${href}"><img src="/etc/passwd">`,
        attachments: [{ filename: '../../../etc/passwd', contentBase64: 'eA==' }],
      });
      expect(status).toBe(202);
      await waitFor('it', () => stage.host.delivered.some(({ body }) => body.includes('etc/passwd')));
      expect(asked).toBe(0);
      expect(stage.host.delivered.some(({ body }) => body.includes('root:'))).toBe(false);
    } finally {
      bait.close();
    }
  });
});
