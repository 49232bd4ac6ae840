/** Submissions as message/rfc822, who may make them, and how a repetition stays one message. */
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { waitFor } from '@mailwheel/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startIngress } from './fixture.ts';
import { minimal, secrets, startHttpClient, type Ask, type HttpClient } from './http-client.ts';

let http: HttpClient;

beforeAll(async () => {
  http = await startHttpClient();
});
afterAll(async () => {
  await http.stop();
});

describe('message/rfc822 is relayed as it is', () => {
  const query = { from: 'a@sender.example', to: ['b@dest.example', 'c@dest.example'] };

  test('to the envelope in the query, with our Received line before it', async () => {
    const message = Buffer.from(
      'Subject: x\r\nTo: somebody@else.example\r\n\r\n.\r\n\xe4\xff no end',
      'latin1',
    );
    const { envelope, body, relayed } = await http.stored(
      await http.submitRaw({ ...query, notify: 'SUCCESS,FAILURE', priority: 'bulk', envid: 'e1' }, message),
    );
    expect(relayed.equals(message)).toBe(true);
    expect(body.toString('latin1')).toMatch(
      /^Received: from \[127\.0\.0\.1\]\r\n\tby relay\.example\.net with HTTP id m00\w+;\r\n/,
    );
    expect(envelope).toMatchObject({ priority: 'bulk', envid: 'e1', body: '8BITMIME', subject: 'x' });
    expect(envelope.recipients.map(({ notify }) => notify?.length)).toEqual([2, 2]);
  });

  test('line ends of a file become CRLF', async () => {
    const { relayed } = await http.stored(await http.submitRaw(query, 'Subject: x\n\na\rb\r\nc\n'));
    expect(relayed.toString()).toBe('Subject: x\r\n\r\na\r\nb\r\nc\r\n');
  });

  test('the null reverse-path is an empty `from`', async () => {
    const { envelope } = await http.stored(
      await http.submitRaw({ ...query, from: '' }, 'Subject: x\r\n\r\n'),
    );
    expect(envelope.reversePath).toBe('');
  });

  test.each([
    ['no sender', { to: 'b@dest.example' }, 'x', { status: 422, field: 'query:from' }],
    ['no recipient', { from: 'a@sender.example' }, 'x', { status: 422, field: 'to' }],
    ['an unknown parameter', { ...query, bcc: 'x@dest.example' }, 'x', { status: 422, field: 'query:bcc' }],
    ['a bad NOTIFY', { ...query, notify: 'NEVER,DELAY' }, 'x', { status: 422, field: 'query:notify' }],
    ['a recipient that is no address', { ...query, to: 'b@@dest' }, 'x', { status: 422, field: 'query:to' }],
    ['a NUL octet', query, 'Subject: x\r\n\r\n\0', { status: 400, field: undefined }],
    ['a loop', query, `${'Received: x\r\n'.repeat(6)}\r\n`, { status: 422, field: undefined }],
    ['a message above the limit', query, 'x'.repeat(200_001), { status: 413, field: undefined }],
    ['a request above the limit', query, 'x'.repeat(300_001), { status: 413, field: undefined }],
  ])('%s is refused', async (_name, parameters, body, { status, field }) => {
    const answer = await http.submitRaw(parameters, body);
    expect(answer.status).toBe(status);
    if (field !== undefined) expect(answer.json['errors']).toMatchObject([{ field }]);
  });

  test('another media type is refused', async () => {
    const { status } = await http.submitRaw(query, 'x', { type: 'text/plain' });
    expect(status).toBe(415);
  });

  test('a body without a length is cut off at the limit', async () => {
    const status = await new Promise<number | string>((resolve) => {
      const request = httpRequest(
        `${http.ingress.httpUrl}/v1/messages?from=a@sender.example&to=b@dest.example`,
        {
          method: 'POST',
          headers: { authorization: `Bearer ${secrets.app1}`, 'content-type': 'message/rfc822' },
        },
        (response) => resolve(response.statusCode ?? 0),
      );
      request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
      for (let count = 0; count < 100; count++) request.write('x'.repeat(10_000));
      request.end();
    });
    expect([413, 'EPIPE', 'ECONNRESET']).toContain(status);
    await waitFor('the memory to be given back', () => http.ingress.doors.bodiesInFlightBytes() === 0);
  });
});

describe('tokens', () => {
  test.each([
    ['no token', undefined],
    ['a wrong token', 'wrong'],
    ['the digest in place of the token', createHash('sha256').update(secrets.app1).digest('hex')],
    ['an empty token', ''],
  ])('%s is 401 before anything is read', async (_name, token) => {
    const { status, headers, json } = await http.submit(minimal, { token });
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toContain('Bearer');
    expect(JSON.stringify(json)).not.toContain('secret');
  });

  test.each([
    ['x@app.example', 202],
    ['X@APP.example', 202],
    ['noreply@shop.example', 202],
    ['x@evilapp.example.org', 403],
    ['"x@app.example"@evil.example', 403],
    ['noreply@evil.org', 403],
  ])('a token with patterns sending from %s: %i', async (from, status) => {
    const answer = await http.submit({ ...minimal, from }, { token: secrets.narrow });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.json).toMatchObject({ errors: [{ field: '/from' }] });
  });

  test('the null reverse-path matches no pattern but `*`', async () => {
    const query = { from: '', to: 'b@dest.example' };
    expect((await http.submitRaw(query, 'x', { token: secrets.narrow })).status).toBe(403);
  });

  test('without tokens, trusted networks only', async () => {
    const { redis } = http.ingress;
    const open = await startIngress({ redis });
    const shut = await startIngress({ redis, smtp: { trustedNetworks: [] } });
    try {
      const post = async (url: string): Promise<number> => {
        const headers = { 'content-type': 'application/json' };
        return (await fetch(`${url}/v1/messages`, { method: 'POST', headers, body: JSON.stringify(minimal) }))
          .status;
      };
      expect(await post(open.httpUrl)).toBe(202);
      expect(await post(shut.httpUrl)).toBe(401);
    } finally {
      await open.stop();
      await shut.stop();
    }
  });
});

describe('Idempotency-Key', () => {
  const withKey = (key: string): Ask => ({ headers: { 'idempotency-key': key } });

  test('the same request twice is one message', async () => {
    const before = (await http.ingress.stored()).length;
    const first = await http.submit(minimal, withKey('k1'));
    const second = await http.submit(minimal, withKey('k1'));
    expect(first.json).toMatchObject({ repeated: false });
    expect(second.json).toEqual({ ...first.json, repeated: true });
    expect((await http.ingress.stored()).length).toBe(before + 1);
  });

  test('another request under the key is refused 422', async () => {
    await http.submit(minimal, withKey('k2'));
    const { status, json } = await http.submit({ ...minimal, subject: 'other' }, withKey('k2'));
    expect(status).toBe(422);
    expect(json['type']).toBe('urn:mailwheel:problem:idempotency-conflict');
    const raw = { from: 'a@sender.example', to: 'b@dest.example' };
    await http.submitRaw(raw, 'x', withKey('k3'));
    expect((await http.submitRaw({ ...raw, to: 'c@dest.example' }, 'x', withKey('k3'))).status).toBe(422);
  });

  test('keys of different tokens have nothing to do with each other', async () => {
    const first = await http.submit(minimal, withKey('k4'));
    const second = await http.submit(minimal, { ...withKey('k4'), token: secrets.app2 });
    expect(second.json['id']).not.toBe(first.json['id']);
  });

  test('at the same time it is one message too', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => http.submit(minimal, withKey('k5'))));
    expect(new Set(answers.map(({ json }) => json['id'])).size).toBe(1);
  });

  test('a key that is too long is refused by name', async () => {
    const { json } = await http.submit(minimal, withKey('x'.repeat(256)));
    expect(json).toMatchObject({ errors: [{ field: 'header:idempotency-key' }] });
  });
});
