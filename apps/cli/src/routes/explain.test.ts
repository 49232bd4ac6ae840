import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DestinationKey, MessageId } from '@mailwheel/envelope';
import { createRotation } from '@mailwheel/rotation';
import type { Host } from '@mailwheel/routing';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, type Called } from '../../fixture/calls.ts';

let folder: string;
let redis: TestRedis;

const routes = [
  'example.com 10.0.0.1/pri=0, 10.0.0.2:2525/pri=0, 10.0.0.3/pri=10',
  '.example.com 10.0.9.9',
  'void.example /dev/null',
  'ALL 10.0.0.99',
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-explain-'));
  redis = await startRedis();
  await writeFile(join(folder, 'routes.txt'), routes.join('\n'));
});

afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

async function explain(address: string, yaml: string, ...words: readonly string[]): Promise<Called> {
  const config = join(folder, 'mailwheel.yaml');
  await writeFile(config, `dataFolder: none\nroutesFile: routes.txt\n${yaml}\n`);
  return call('routes', 'explain', address, '--config', config, ...words);
}

test('without a Redis it tells the route, why, and the hosts as written', async () => {
  const { output } = await explain('anna@Example.COM', '');
  expect(output).toMatch(/^example\.com: line 1 "example\.com .*" matches: it names the destination itself/);
  expect(output).toContain('less specific: line 4 ALL');
  expect(output).toMatch(
    /No Redis runs here[^]*1\. +10\.0\.0\.1:25 +1[^]*2\. +10\.0\.0\.2:2525 +1[^]*3\. +10\.0\.0\.3:25 +2/,
  );
});

test('with the Redis of the tier it tells the health of each host', async () => {
  const rotation = createRotation({
    client: redis.client(),
    health: {
      firstRestSeconds: 600,
      longestRestSeconds: 600,
      aloneRestSeconds: 600,
      restJitter: 0,
      rampStartPerSecond: 5,
      rampLevels: 6,
      probeLeaseSeconds: 60,
    },
    shySeconds: 5,
    connectionsPerHostMax: 10,
    initialConnections: 5,
    provenSeconds: 600,
    rotate: 'message',
    connectionLeaseSeconds: 30,
  });
  const host: Host = {
    key: '10.0.0.1:25',
    label: '10.0.0.1:25',
    address: '10.0.0.1',
    port: 25,
    policy: { tls: 'opportunistic' },
  };
  const picked = await rotation.pick({
    destination: 'example.com' as DestinationKey,
    tiers: [{ key: 'example.com:0', hosts: [host] }],
    tried: new Set(),
    warm: new Set(),
    shy: new Set(),
    leaseId: 'test',
  });
  if (picked.kind !== 'host') throw new Error(`nobody was picked: ${picked.cause}`);
  await rotation.report({
    host,
    epoch: picked.epoch,
    outcome: 'fail',
    leaseId: 'test',
    messageId: 'm1' as MessageId,
    reply: '452 4.3.1 full',
  });
  const { output } = await explain('anna@example.com', `redis: { url: "${redis.url}" }`);
  expect(output).toMatch(
    /would ask:[^]*1\. +10\.0\.0\.2:2525[^]*2\. +10\.0\.0\.3:25[^]*- +10\.0\.0\.1:25 +1 +rests, [0-9]+ min left .*452 4\.3\.1 full/,
  );
});

test('discarded mail, a subdomain, a bare domain, and JSON', async () => {
  expect((await explain('x@void.example', '')).output).toContain('discarded (/dev/null)');
  expect((await explain('a.b.example.com', '')).output).toContain('10.0.9.9:25');
  const [json] = (await explain('anna@example.com', '', '--json')).json();
  expect(json).toMatchObject({ destination: 'example.com', healthKnown: false, plan: { kind: 'tiers' } });
  await expect(explain('not an address', '')).rejects.toThrow('"not an address" names no destination');
});

test('routes that cannot be used are told with file and line', async () => {
  await writeFile(join(folder, 'broken.txt'), 'example.com\n');
  const config = join(folder, 'broken.yaml');
  await writeFile(config, 'routesFile: broken.txt\n');
  await expect(call('routes', 'explain', 'a@example.com', '--config', config)).rejects.toThrow(
    /broken\.txt.*line 1/s,
  );
});
