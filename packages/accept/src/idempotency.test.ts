import { createMessageId } from '@mailwheel/envelope';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { IdempotencyKeys } from './idempotency.ts';

let redis: TestRedis;
let client: ReturnType<TestRedis['client']>;
let keys: IdempotencyKeys;
beforeAll(async () => {
  redis = await startRedis();
  client = redis.client();
  keys = new IdempotencyKeys({ client, shards: 4, rememberMs: 60_000 });
});
beforeEach(async () => void (await client.flushall()));
afterAll(() => redis.stop());

const request = { scope: 'app1', key: 'a key of the client', digest: 'd1' };
const ids = (
  messageNumber: number,
): { messageId: ReturnType<typeof createMessageId>; messageNumber: number } => ({
  messageId: createMessageId(randomBytes(17), 0),
  messageNumber,
});

it('gives a repeated request the ids of the first, confirmed or not', async () => {
  const first = ids(1);
  expect(await keys.claim(request, first, undefined)).toEqual({ kind: 'claimed', ...first });
  expect(await keys.claim(request, ids(2), undefined)).toEqual({ kind: 'claimed', ...first });
  await keys.confirm(request, first);
  expect(await keys.claim(request, ids(3), undefined)).toEqual({ kind: 'confirmed', ...first });
  expect(await client.pttl(keys.place(request))).toBeGreaterThan(59_000);
});

it('is a conflict with another request under the same key, and none with another scope', async () => {
  const first = ids(1);
  await keys.claim(request, first, undefined);
  expect(await keys.claim({ ...request, digest: 'd2' }, ids(2), undefined)).toEqual({
    kind: 'conflict',
    ...first,
  });
  const other = ids(3);
  expect(await keys.claim({ ...request, scope: 'app2' }, other, undefined)).toEqual({
    kind: 'claimed',
    ...other,
  });
});

it('can be confirmed when a twin released the claim meanwhile', async () => {
  const first = ids(1);
  await keys.claim(request, first, undefined);
  await keys.release(request, first.messageId);
  await keys.confirm(request, first);
  expect(await keys.claim(request, ids(2), undefined)).toEqual({ kind: 'confirmed', ...first });
});

it('is released only while it is unconfirmed and ours', async () => {
  const first = ids(1);
  await keys.claim(request, first, undefined);
  await keys.release(request, ids(2).messageId);
  expect(await keys.claim(request, ids(3), undefined)).toMatchObject(first);
  await keys.confirm(request, first);
  await keys.release(request, first.messageId);
  expect(await keys.claim(request, ids(4), undefined)).toMatchObject({ kind: 'confirmed' });
});

it('is replaced when its message was revoked, by one of two that try', async () => {
  const first = ids(1);
  await keys.claim(request, first, undefined);
  const second = ids(2);
  expect(await keys.claim(request, second, first.messageId)).toEqual({ kind: 'claimed', ...second });
  expect(await keys.claim(request, ids(3), first.messageId)).toEqual({ kind: 'claimed', ...second });
});
