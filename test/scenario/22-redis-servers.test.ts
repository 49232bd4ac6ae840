/**
 * The servers that may stand in Redis's place: each one that this machine has, or that `test/redis-servers.sh` can unpack
 * for it, moves a message. The other scenarios run on what is installed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRedis, startSmtpHost, waitFor } from '@mailwheel/testkit';
import { beforeAll, expect, test } from 'vitest';
import { messageIdOf, startTier } from './tier.ts';

interface Server {
  readonly name: string;
  readonly program: string;
  /** Of `program --version`. */
  readonly version: RegExp;
}

const unpacked = fileURLToPath(new URL('../../node_modules/.cache/redis-servers', import.meta.url));
const unpacker = fileURLToPath(new URL('../redis-servers.sh', import.meta.url));
const servers: readonly Server[] = [
  { name: 'Redis 7', program: 'redis-server', version: /Redis server v=7\./ },
  { name: 'Redis 8', program: join(unpacked, 'redis-server-8'), version: /Redis server v=8\./ },
  { name: 'Valkey 8', program: join(unpacked, 'valkey-server-8'), version: /Valkey server v=8\./ },
];

/** The program that runs this server here; undefined: none. */
function programOf({ program, version }: Server): string | undefined {
  const name = version.source.startsWith('Valkey') ? 'valkey-server' : 'redis-server';
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  return [program, ...onPath].filter(existsSync).find((candidate) => {
    try {
      return version.test(execFileSync(candidate, ['--version'], { encoding: 'utf8' }));
    } catch {
      return false;
    }
  });
}

let tried = 0;
beforeAll(() => {
  if (servers.every((server) => programOf(server) !== undefined)) return;
  try {
    execFileSync('sh', [unpacker, unpacked], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 40_000 });
  } catch (cause) {
    process.stderr.write(`NOTE: ${unpacker} failed: ${String(cause)}\n`);
  }
}, 45_000);

test.each(servers)(
  '$name moves a message',
  async (server) => {
    const program = programOf(server);
    if (program === undefined) {
      process.stderr.write(
        `NOTE: ${server.name} was not tried, this machine does not have it (test/redis-servers.sh unpacks it)\n`,
      );
      return;
    }
    tried += 1;
    const redis = await startRedis({ program });
    const host = await startSmtpHost();
    try {
      const tier = await startTier({ redis, routes: `ALL 127.0.0.1:${host.port}` });
      try {
        const id = messageIdOf(
          await tier.submit({
            from: 'sender@source.test',
            to: ['one@d0.example', 'two@d1.example'],
            body: 'Subject: moved\r\n\r\nx\r\n',
          }),
        );
        await waitFor('delivery', () => host.transactions.length === 2, 20_000);
        await waitFor('the record', async () => {
          const { recipients } = (await tier.message(id)) as { recipients?: { state: string }[] };
          return recipients?.every(({ state }) => state === 'delivered');
        });
      } finally {
        await tier.stop();
      }
    } finally {
      await host.stop();
      await redis.stop();
    }
  },
  40_000,
);

test('at least one server was tried', () => {
  expect(tried).toBeGreaterThan(0);
});
