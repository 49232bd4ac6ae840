/** Submissions as JSON: what is composed, and what is refused and how. A real client, a real Redis. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { minimal, startHttpClient, type HttpClient } from './http-client.ts';

let http: HttpClient;

beforeAll(async () => {
  http = await startHttpClient();
});
afterAll(async () => {
  await http.stop();
});

describe('JSON is composed into a message', () => {
  test('with names, parts, headers and attachments; Bcc goes into the envelope only', async () => {
    const { envelope, relayed } = await http.stored(
      await http.submit({
        from: 'J\u00fcrgen <a@sender.example>',
        to: ['b@dest.example', { name: 'See, me', address: 'c@dest.example' }],
        cc: ['d@other.example'],
        bcc: ['secret@hidden.example'],
        replyTo: ['"Help Desk" <help@sender.example>'],
        subject: 'Gr\u00fc\u00dfe',
        text: 'text part\n.dot\n',
        html: '<p>html part <img src="cid:logo"></p>',
        headers: { 'X-Campaign': 'spring', 'List-Unsubscribe': '<https://sender.example/u>' },
        attachments: [
          { filename: 'a.txt', contentType: 'text/plain', contentBase64: 'aGVsbG8=' },
          { contentType: 'image/png', contentBase64: 'iVBORw0KGgo=', cid: 'logo' },
        ],
        priority: 'high',
        notify: ['FAILURE', 'DELAY'],
        ret: 'HDRS',
        envid: 'order 7',
      }),
    );
    const text = relayed.toString();
    expect(envelope).toMatchObject({
      reversePath: 'a@sender.example',
      priority: 'high',
      ret: 'HDRS',
      envid: 'order+207',
      smtpUtf8: false,
      body: '7BIT',
      origin: { protocol: 'http', principal: 'app1', clientAddress: '127.0.0.1', connectionNumber: 0 },
    });
    expect(envelope.recipients.map(({ address }) => address)).toEqual([
      'b@dest.example',
      'c@dest.example',
      'd@other.example',
      'secret@hidden.example',
    ]);
    expect(envelope.recipients[0]?.notify).toEqual(['FAILURE', 'DELAY']);
    expect(text).not.toContain('hidden.example');
    expect(text).toMatch(/^From: =\?UTF-8\?Q\?J=C3=BCrgen\?= <a@sender\.example>\r$/m);
    expect(text).toContain('"See, me" <c@dest.example>');
    expect(text).toMatch(/^Reply-To: Help Desk <help@sender\.example>\r$/m);
    expect(text).toMatch(/^X-Campaign: spring\r$/m);
    expect(text).toMatch(/^Message-ID: <[^>]+@sender\.example>\r$/im);
    expect(text).toContain('aGVsbG8=');
    expect(text).toMatch(/^Content-Id: <logo>\r$/im);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });

  test('an international address makes it an SMTPUTF8 message', async () => {
    const { envelope } = await http.stored(
      await http.submit({ ...minimal, to: ['\u7528\u6237@dest.example'] }),
    );
    expect(envelope.smtpUtf8).toBe(true);
  });

  test.each([
    ['no body at all', '', 'invalid-body', undefined],
    ['broken JSON', '{"from":', 'invalid-body', undefined],
    ['a prototype in JSON', '{"__proto__":{"x":1},"from":"a@sender.example"}', 'invalid-body', undefined],
    ['an array', [], 'invalid-field', '/'],
    ['no sender', { to: ['b@dest.example'] }, 'invalid-field', '/from'],
    ['no recipient list', { from: 'a@sender.example' }, 'invalid-field', undefined],
    ['no recipient', { ...minimal, to: [] }, 'invalid-field', 'to'],
    ['a sender that is no address', { ...minimal, from: 'nobody' }, 'invalid-field', '/from'],
    [
      'a recipient that is no address',
      { ...minimal, to: ['b@dest.example', 'x@'] },
      'invalid-field',
      '/to/1',
    ],
    ['a private literal', { ...minimal, cc: ['x@[10.0.0.1]'] }, 'invalid-field', '/cc/0'],
    ['a number for a subject', { ...minimal, subject: 7 }, 'invalid-field', '/subject'],
    ['an unknown field', { ...minimal, amp: 'x' }, 'invalid-field', '/amp'],
    ['raw content', { ...minimal, raw: { path: '/etc/passwd' } }, 'invalid-field', '/raw'],
    ['text from a file', { ...minimal, text: { path: '/etc/passwd' } }, 'invalid-field', '/text'],
    ['html from a URL', { ...minimal, html: { href: 'http://127.0.0.1/' } }, 'invalid-field', '/html'],
    [
      'an attachment by path',
      { ...minimal, attachments: [{ contentBase64: '', path: '/etc/passwd' }] },
      'invalid-field',
      '/attachments/0/path',
    ],
    [
      'an attachment by URL',
      { ...minimal, attachments: [{ contentBase64: '', href: 'http://127.0.0.1/' }] },
      'invalid-field',
      '/attachments/0/href',
    ],
    [
      'an attachment without content',
      { ...minimal, attachments: [{ filename: 'x' }] },
      'invalid-field',
      '/attachments/0/contentBase64',
    ],
    [
      'base64 that is none',
      { ...minimal, attachments: [{ contentBase64: '<>' }] },
      'invalid-field',
      '/attachments/0/contentBase64',
    ],
    [
      'a media type with a line break',
      { ...minimal, attachments: [{ contentBase64: '', contentType: 'text/plain\r\nX: y' }] },
      'invalid-field',
      '/attachments/0/contentType',
    ],
    [
      'a multipart attachment',
      { ...minimal, attachments: [{ contentBase64: '', contentType: 'multipart/mixed' }] },
      'invalid-field',
      '/attachments/0/contentType',
    ],
    [
      'a filename with a line break',
      { ...minimal, attachments: [{ contentBase64: '', filename: 'a\r\nBcc: x' }] },
      'invalid-field',
      '/attachments/0/filename',
    ],
    [
      'a subject with a line break',
      { ...minimal, subject: 'x\r\nBcc: y@z.example' },
      'invalid-field',
      '/subject',
    ],
    [
      'a name with a line break',
      { ...minimal, from: { name: 'x\r\nBcc: y', address: 'a@sender.example' } },
      'invalid-field',
      '/from',
    ],
    [
      'a header value with a line break',
      { ...minimal, headers: { 'X-A': 'b\nBcc: y@z.example' } },
      'invalid-field',
      '/headers/X-A',
    ],
    [
      'a header name with a line break',
      { ...minimal, headers: { 'X-A\r\nBcc': 'y@z.example' } },
      'invalid-field',
      undefined,
    ],
    [
      'a header that has its own field',
      { ...minimal, headers: { bcc: 'y@z.example' } },
      'invalid-field',
      '/headers/bcc',
    ],
    [
      'a header of MIME',
      { ...minimal, headers: { 'Content-Type': 'text/x' } },
      'invalid-field',
      '/headers/Content-Type',
    ],
    [
      'more recipients than allowed',
      { ...minimal, to: Array.from({ length: 101 }, (_, at) => `r${at}@dest.example`) },
      'invalid-field',
      '/to/100',
    ],
    ['an ENVID that gets too long', { ...minimal, envid: '\u00fc'.repeat(60) }, 'invalid-field', 'envid'],
  ])('%s is refused, and the field is named', async (_name, message, problem, field) => {
    const body = typeof message === 'string' ? message : JSON.stringify(message);
    const { status, headers, json } = await http.ask('/v1/messages', { body });
    expect(json['type']).toBe(`urn:mailwheel:problem:${problem}`);
    expect(status).toBe(problem === 'invalid-field' ? 422 : 400);
    expect(headers.get('content-type')).toBe('application/problem+json');
    if (field !== undefined) {
      const errors = json['errors'] as { readonly field: string }[];
      expect(errors[0]?.field).toContain(field);
    }
  });

  test('an envelope in the query beside JSON is refused, not ignored', async () => {
    const { json } = await http.ask('/v1/messages?to=x@dest.example', { body: JSON.stringify(minimal) });
    expect(json).toMatchObject({
      type: 'urn:mailwheel:problem:invalid-field',
      errors: [{ field: 'query:to' }],
    });
  });
});
