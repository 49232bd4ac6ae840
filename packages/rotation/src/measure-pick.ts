/**
 * Measures what a pick costs Redis: `node packages/rotation/src/measure-pick.ts redis://127.0.0.1:6390`. It empties that
 * Redis. The figure is EVALSHA's time from INFO commandstats, the least and the median of many short batches: on a machine
 * that does other things the median also counts the times at which Redis was not running.
 */
import type { MessageId } from '@mailwheel/envelope';
import type { Tier } from '@mailwheel/routing';
import { Redis } from 'ioredis';
import { createRotation } from './create-rotation.ts';
import { hostOf, optionsWith, requestFor, tierOf } from './fixture.ts';
import type { PickRequest } from './types.ts';

const batches = 21;
const picksPerBatch = 4000;
const inFlight = 80;

const url = process.argv[2];
if (url === undefined) throw new Error('name a Redis that may be emptied: redis://127.0.0.1:6390');
const client = new Redis(url);
await client.flushall();
const rotation = createRotation(
  optionsWith(client, { health: { firstRestSeconds: 300, aloneRestSeconds: 300 } }),
);

function names(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `10.0.0.${at + 1}`);
}

async function batch(request: PickRequest): Promise<number> {
  await client.config('RESETSTAT');
  let left = picksPerBatch;
  const stream = async (): Promise<void> => {
    for (; left > 0; left -= 1) await rotation.pick(request);
  };
  await Promise.all(Array.from({ length: inFlight }, stream));
  const stats = await client.info('commandstats');
  return Number(/cmdstat_evalsha:.*?usec_per_call=([\d.]+)/u.exec(stats)?.[1]);
}

async function measure(what: string, tiers: readonly Tier[], more: Partial<PickRequest> = {}): Promise<void> {
  const request = requestFor(tiers, more);
  const times: number[] = [];
  for (let at = 0; at < batches; at += 1) times.push(await batch(request));
  times.sort((x, y) => x - y);
  const median = times[(batches - 1) / 2] ?? Number.NaN;
  process.stdout.write(`${what}: least ${times[0]?.toFixed(1)}, median ${median.toFixed(1)} us\n`);
}

const { host, epoch } = hostOf(await rotation.pick(requestFor([tierOf('down:0', 'down')])));
const failure = {
  outcome: 'fail',
  leaseId: 'lease',
  messageId: 'm1' as MessageId,
  reply: 'refused',
} as const;
await rotation.report({ host, epoch, ...failure });

await measure('1 host', [tierOf('one:0', ...names(1))]);
await measure('3 hosts', [tierOf('three:0', ...names(3))]);
await measure('3 hosts, successes passed on', [tierOf('three:0', ...names(3))], {
  successes: new Map([['10.0.0.1:25', 1]]),
});
await measure('10 hosts', [tierOf('ten:0', ...names(10))]);
await measure('3 hosts, one resting', [tierOf('mixed:0', 'down', ...names(2))]);
await measure('2 tiers, the first resting', [tierOf('first:0', 'down'), tierOf('second:0', ...names(2))]);
await measure('nobody: the only host rests', [tierOf('down:0', 'down')]);
client.disconnect();
