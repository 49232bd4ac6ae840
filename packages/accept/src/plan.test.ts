import { createMessageId, shardOf, type DestinationKey } from '@mailwheel/envelope';
import { expect, it } from 'vitest';
import { allJobs, planMessage } from './plan.ts';
import type { NewEnvelope } from './types.ts';

const shards = 3;
const domains = ['a.example', 'b.example', 'c.example', 'd.example', 'e.example'] as DestinationKey[];
const [first] = domains as [DestinationKey];
const envelope: NewEnvelope = {
  reversePath: 'sender@example.org',
  recipients: domains.flatMap((destination, n) => [
    { index: 2 * n, address: `x@${destination}`, destination },
    { index: 2 * n + 1, address: `y@${destination}`, destination },
  ]),
  smtpUtf8: false,
  body: '7BIT',
  priority: 'bulk',
  origin: { protocol: 'smtp', clientAddress: '192.0.2.1', connectionNumber: 1 },
};

it('makes one job of each destination and puts each on the shard of its destination', () => {
  const messageId = createMessageId(new Uint8Array(17), shardOf(first, shards));
  const ids = { messageId, messageNumber: 7, acceptedAtMs: 1234 };
  const plan = planMessage({ envelope, body: Buffer.from('hello') }, ids, { shards });
  expect(plan.envelope).toMatchObject({ ...envelope, ...ids, bodyBytes: 5 });
  expect(plan.home.shard).toBe(shardOf(first, shards));
  for (const { shard, jobs } of [plan.home, ...plan.elsewhere]) {
    for (const job of jobs) expect(shardOf(job.destination, shards)).toBe(shard);
  }
  const jobs = allJobs(plan).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  expect(jobs.map((job) => [job.id, job.destination, job.data.to])).toEqual(
    domains.map((destination, n) => [
      `${messageId}-${n}`,
      destination,
      [
        [2 * n, `x@${destination}`],
        [2 * n + 1, `y@${destination}`],
      ],
    ]),
  );
  expect(jobs[0]?.data).toMatchObject({
    v: 1,
    from: 'sender@example.org',
    acceptedAtMs: 1234,
    priority: 'bulk',
  });
});

it('stores everything under the home shard when there is but one', () => {
  const messageId = createMessageId(new Uint8Array(17), 0);
  const ids = { messageId, messageNumber: 7, acceptedAtMs: 1234 };
  const plan = planMessage({ envelope, body: Buffer.alloc(0) }, ids, { shards: 1 });
  expect(plan.elsewhere).toEqual([]);
  expect(plan.home.jobs).toHaveLength(5);
});
