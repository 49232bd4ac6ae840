/** What the HTTP API tells: the state of a message, a store that is away, and its own description. */
import { jobId, type FinalResult, type LedgerEntry } from '@mailwheel/envelope';
import { startRedis, waitFor } from '@mailwheel/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startIngress } from './fixture.ts';
import { minimal, secrets, startHttpClient, type HttpClient } from './http-client.ts';

let http: HttpClient;

beforeAll(async () => {
  http = await startHttpClient();
});
afterAll(async () => {
  await http.stop();
});

describe('GET /v1/messages/{id}', () => {
  test('tells state, next attempt, final results and the ledger', async () => {
    const to = ['b@one.example', 'c@one.example', 'd@two.example'];
    const answer = await http.submit({ ...minimal, to, subject: 'status' });
    const { envelope } = await http.stored(answer);
    const { spool, queues } = http.ingress.store;
    const path = answer.headers.get('location') ?? '';
    expect((await http.ask(path)).json).toMatchObject({
      id: envelope.messageId,
      from: 'a@sender.example',
      subject: 'status',
      priority: 'normal',
      recipients: to.map((address, index) => ({ index, address, state: 'queued' })),
      attempts: [],
    });
    const delivered: FinalResult = { state: 'delivered', atMs: 1000, host: '10.0.0.1:25', reply: '250 ok' };
    const entry: LedgerEntry = {
      atMs: 1000,
      jobId: jobId(envelope.messageId, 0),
      attempt: 1,
      host: '10.0.0.1:25',
      connectionNumber: 1,
      phase: 'final',
      outcome: 'delivered',
      recipients: [0],
      reply: '250 ok',
      durationMs: 12,
    };
    await spool.record(envelope.messageId, { results: new Map([[0, delivered]]), ledger: [entry] });
    const first = envelope.recipients[0]?.destination;
    const second = envelope.recipients[2]?.destination;
    if (first === undefined || second === undefined) throw new Error('no destinations');
    const held = await queues.take(first);
    if (held.kind !== 'job') throw new Error('nothing to take');
    const { data } = held.job;
    await queues.defer(
      held.job,
      { delayMs: 60_000, data, reason: '451', countAttempt: true, parked: false },
      false,
    );
    const active = await queues.take(second);
    expect(active.kind).toBe('job');
    const { json } = await http.ask(path);
    expect(json['recipients']).toMatchObject([
      { state: 'delivered', host: '10.0.0.1:25', reply: '250 ok', at: '1970-01-01T00:00:01.000Z' },
      { state: 'deferred', address: 'c@one.example' },
      { state: 'delivering' },
    ]);
    const recipients = json['recipients'] as { readonly nextAttemptAt?: string }[];
    const waitMs = Date.parse(recipients[1]?.nextAttemptAt ?? '') - Date.now();
    expect(waitMs).toBeGreaterThan(50_000);
    expect(waitMs).toBeLessThanOrEqual(60_000);
    expect(json['attempts']).toMatchObject([
      { host: '10.0.0.1:25', phase: 'final', outcome: 'delivered', recipients: [0], milliseconds: 12 },
    ]);
  });

  test("a token reads its own messages only; another's is 404, as is what never was", async () => {
    const { json, headers } = await http.submit(minimal);
    const path = headers.get('location') ?? '';
    expect((await http.ask(path)).status).toBe(200);
    const foreign = await http.ask(path, { token: secrets.app2 });
    const missing = await http.ask(`/v1/messages/${String(json['id']).replace(/.{4}$/, 'aaaa')}`, {
      token: secrets.app2,
    });
    expect(foreign.status).toBe(404);
    expect(foreign.json).toEqual(missing.json);
    expect((await http.ask('/v1/messages/nonsense')).status).toBe(404);
    expect((await http.ask(path, { token: undefined })).status).toBe(401);
  });
});

describe('a store that is away', () => {
  test('is 503 with a hint when to come again', async () => {
    const own = await startRedis();
    const lonely = await startIngress({ redis: own });
    try {
      own.process.kill('SIGKILL');
      await waitFor('the loss to be noticed', () => lonely.store.acceptor.admission().kind === 'unavailable');
      const response = await fetch(`${lonely.httpUrl}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(minimal),
      });
      expect(response.status).toBe(503);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await response.json()).toMatchObject({ type: 'urn:mailwheel:problem:store-unavailable' });
      expect((await fetch(`${lonely.httpUrl}/v1/messages/m00${'a'.repeat(26)}`)).status).toBe(503);
    } finally {
      await lonely.stop();
      await own.stop();
    }
  });
});

describe('the description of the API', () => {
  test('is OpenAPI 3.1, and every reference in it leads somewhere', async () => {
    const { status, json } = await http.ask('/v1/openapi.json', { token: undefined });
    expect(status).toBe(200);
    expect(json['openapi']).toBe('3.1.0');
    const references = [...JSON.stringify(json).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    const { schemas } = json['components'] as { readonly schemas: Record<string, unknown> };
    expect(references.length).toBeGreaterThan(5);
    for (const [, name] of references) expect(Object.keys(schemas)).toContain(name);
  });

  test('is a page that loads nothing', async () => {
    const response = await fetch(`${http.ingress.httpUrl}/docs`);
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page).toContain('/v1/messages/{id}');
    expect(page).toContain('contentBase64');
    expect(page).not.toMatch(/<script|src=|https?:\/\//);
  });
});
