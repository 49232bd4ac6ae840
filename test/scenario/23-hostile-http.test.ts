/**
 * Clients that mean harm to the HTTP API, over raw sockets where a client library would tidy up: requests that are two,
 * bodies that are too large, too deep or too slow, and guesses at a token.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@mailwheel/testkit';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bodyBytesMax, HttpStage, minimal, secret } from './hostile-http.ts';

let stage: HttpStage;

beforeAll(async () => {
  stage = await HttpStage.start();
}, 60_000);
afterAll(() => stage?.stop());
afterEach(() => stage.assertUnharmed());

const authorized = `Host: x\r\nAuthorization: Bearer ${secret}\r\nContent-Type: application/json\r\n`;
const smuggled = JSON.stringify({ ...minimal, subject: 'smuggled' });
const inner = `POST /v1/messages HTTP/1.1\r\n${authorized}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`;

describe('one request never is two', () => {
  test.each([
    ['both lengths', `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['both lengths, the other way round', `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
    ['two lengths', `Content-Length: 0\r\nContent-Length: 2\r\n\r\n`],
    ['two lengths in one field', `Content-Length: 0, 2\r\n\r\n`],
    ['a length with a sign', `Content-Length: +0\r\n\r\n`],
    ['a length in hexadecimal', `Content-Length: 0x0\r\n\r\n`],
    ['a coding that is none', `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['chunked before another coding', `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ['two codings', `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
    ['a blank before the colon', `Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
    ['a folded field', `Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
    ['a chunk size with a tail', `Transfer-Encoding: chunked\r\n\r\n0x\r\n\r\n`],
    ['a chunk size that overflows', `Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n`],
    ['bare LF line ends', `Content-Length: 0\n\n`],
    ['a bare CR in a field', `X: a\rContent-Length: 4\r\n\r\n`],
    ['a NUL in a field', `X: a\0b\r\nContent-Length: 0\r\n\r\n`],
  ])('%s: refused and closed, what follows is not read', async (_name, tail) => {
    const http = stage.raw();
    http.socket.write(`POST /v1/messages HTTP/1.1\r\n${authorized}${tail}${inner}`, 'latin1');
    await http.closed();
    expect(http.statuses.every((status) => status >= 400)).toBe(true);
  });

  test('a body that looks like a request is a body', async () => {
    const http = stage.raw();
    http.socket.write(
      `POST /v1/messages HTTP/1.1\r\n${authorized}Content-Length: ${inner.length}\r\n\r\n${inner}`,
    );
    await waitFor('an answer', () => http.statuses.length > 0);
    await sleep(200);
    expect(http.statuses).toEqual([400]);
  });

  test('behind a request without a token nothing is read from the connection', async () => {
    const http = stage.raw();
    http.socket.write(`POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n${inner}`);
    await waitFor('an answer', () => http.statuses.length > 0);
    await http.closed();
    expect(http.statuses).toEqual([401]);
  });

  test('an upgrade and another protocol are refused', async () => {
    for (const head of [
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'EHLO evil.example\r\n',
      'GET / HTTP/9.9\r\n\r\n',
    ]) {
      const http = stage.raw();
      http.socket.write(head);
      await http.closed();
      expect(http.statuses.every((status) => status >= 400)).toBe(true);
    }
  });
});

describe('size and shape', () => {
  test('a declared and an undeclared body above the limit', async () => {
    const declared = stage.raw();
    declared.socket.write(
      `POST /v1/messages HTTP/1.1\r\n${authorized}Content-Length: ${bodyBytesMax + 1}\r\n\r\n`,
    );
    await declared.closed();
    expect(declared.statuses).toEqual([413]);
    const chunked = stage.raw();
    chunked.socket.write(`POST /v1/messages HTTP/1.1\r\n${authorized}Transfer-Encoding: chunked\r\n\r\n`);
    const piece = 'x'.repeat(100_000);
    for (let sent = 0; sent < 2 * bodyBytesMax && !chunked.ended; sent += piece.length) {
      chunked.socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
      await sleep(1);
    }
    await chunked.closed();
    expect(chunked.statuses[0] ?? 413).toBe(413);
  });

  test('huge headers, and very many', async () => {
    for (const fields of [`X: ${'x'.repeat(200_000)}\r\n`, 'X: y\r\n'.repeat(30_000)]) {
      const http = stage.raw();
      http.socket.write(`GET /v1/messages/m00 HTTP/1.1\r\n${authorized}${fields}\r\n`);
      await http.closed();
      expect(http.statuses.every((status) => status >= 400)).toBe(true);
    }
  });

  test.each([
    ['arrays within arrays', '['.repeat(bodyBytesMax)],
    ['objects within objects', '{"from":'.repeat(bodyBytesMax / 8)],
    ['closed ones', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['a million values', `{"from":"a@source.example","to":[${'{},'.repeat(bodyBytesMax / 3 - 100)}{}]}`],
    ['a million fields', `{${Array.from({ length: 200_000 }, (_, at) => `"f${at}":1`).join(',')}}`],
    ['a number without end', `{"from":${'9'.repeat(bodyBytesMax - 10)}}`],
    ['a string without end', `{"from":"${'\\"'.repeat(bodyBytesMax / 2 - 10)}`],
    ['a name that pollutes', '{"__proto__":{"from":"x@source.example"},"to":["b@dest.example"]}'],
    ['another one', '{"constructor":{"prototype":{"from":"x"}},"to":["b@dest.example"]}'],
  ])('%s: refused in no time, in little memory', async (_name, body) => {
    const before = stage.peakBytes();
    const startedMs = performance.now();
    const { status } = await stage.post(body.slice(0, bodyBytesMax));
    expect([400, 422]).toContain(status);
    expect(performance.now() - startedMs).toBeLessThan(2000);
    expect(stage.peakBytes() - before).toBeLessThan(100e6);
  });

  test('any JSON of any shape gets an answer of ours, and is taken only if it is a submission', async () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const nearly = fc.record(
      {
        from: fc.oneof(fc.constant('a@source.example'), value),
        to: fc.oneof(fc.constant(['b@dest.example']), value),
        subject: fc.oneof(fc.string(), value),
        text: fc.oneof(fc.string(), value),
        headers: fc.oneof(fc.dictionary(fc.string(), fc.string()), value),
        attachments: value,
        priority: value,
        envid: value,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(value, nearly), async (message) => {
        const { status, json } = await stage.submit(message);
        expect([202, 400, 422]).toContain(status);
        if (status !== 202) expect(json['type']).toMatch(/^urn:mailwheel:problem:/);
      }),
      { numRuns: 150 },
    );
  });
});

describe('slow clients', () => {
  test.each([
    ['a head', 'POST /v1/messages HTTP/1.1\r\nHost: x\r\nX: '],
    ['a body', `POST /v1/messages HTTP/1.1\r\n${authorized}Content-Length: 1000\r\n\r\n{`],
    ['a chunk', `POST /v1/messages HTTP/1.1\r\n${authorized}Transfer-Encoding: chunked\r\n\r\n100\r\n{`],
  ])('%s that trickles is ended by the time of the whole', async (_name, beginning) => {
    const http = stage.raw();
    const startedMs = performance.now();
    http.socket.write(beginning);
    while (!http.ended && performance.now() - startedMs < 10_000) {
      http.socket.write(' ');
      await sleep(100);
    }
    expect(performance.now() - startedMs).toBeLessThan(8000);
    expect(http.statuses.every((status) => status === 408)).toBe(true);
  });
});

describe('tokens', () => {
  test.each([
    ['none', undefined],
    ['an empty one', 'Bearer '],
    ['another scheme', `Basic ${Buffer.from(`x:${secret}`).toString('base64')}`],
    ['the digest', `Bearer ${createHash('sha256').update(secret).digest('hex')}`],
    ['a beginning', `Bearer ${secret.slice(0, -1)}`],
    ['more', `Bearer ${secret}x`],
    ['another case', `Bearer ${secret.toUpperCase()}`],
    ['two', `Bearer ${secret}, Bearer ${secret}`],
    ['a long one', `Bearer ${'x'.repeat(50_000)}`],
    ['a prototype', 'Bearer __proto__'],
  ])('%s is 401, on every path, and the answer tells nothing', async (_name, authorization) => {
    for (const path of ['/v1/messages', '/v1/messages/m00']) {
      const answer = await fetch(`http://127.0.0.1:${stage.tier.httpPort}${path}`, {
        method: path.endsWith('s') ? 'POST' : 'GET',
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toMatch(/secret|client/);
    }
    expect(stage.ingress.output()).not.toContain(secret);
  });
});
