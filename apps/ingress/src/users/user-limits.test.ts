/** The counter of users, on a real Redis: over several clients, up to the limit, and not a message more. */
import { connectRedis } from '@mailwheel/queue';
import { startRedis, waitFor, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createUserCharges, type ChargeUser } from './user-limits.ts';

let redis: TestRedis;
const clients: { disconnect(): void }[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await redis.stop();
});

async function charges(): Promise<ChargeUser> {
  const client = connectRedis({ url: redis.url, commandTimeoutMs: 500 }, 'producer', () => undefined);
  clients.push(client);
  await waitFor('redis', () => client.status === 'ready');
  return createUserCharges(client);
}

test('messages and recipients are counted for each user, whichever process asks', async () => {
  const [one, two] = [await charges(), await charges()];
  const limits = { messagesPerMinuteMax: 3, recipientsPerMinuteMax: 10 };
  const answers: string[] = [];
  // A minute may turn once in between, not twice: what is counted anew stays below twice the limit.
  for (const of of [one, two, one, two, one, two, one, two]) answers.push(await of('app', 1, limits));
  const charged = answers.filter((answer) => answer === 'charged').length;
  expect([3, 6]).toContain(charged);
  expect(answers.filter((answer) => answer === 'too-many-messages')).toHaveLength(8 - charged);
  expect(await two('other', 10, limits)).toBe('charged');
  expect(await two('third', 11, limits)).toBe('too-many-recipients');
  // What is refused is not counted.
  expect(await two('third', 10, limits)).toBe('charged');
});

test('no limit asks nothing and keeps nothing', async () => {
  const of = await charges();
  const limits = { messagesPerMinuteMax: 0, recipientsPerMinuteMax: 0 };
  await redis.stop();
  expect(await of('app', 1000, limits)).toBe('charged');
  await expect(of('app', 1, { ...limits, messagesPerMinuteMax: 1 })).rejects.toThrow();
});
