import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { startRedis, waitFor, type TestRedis } from '@mailwheel/testkit';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedis, whenReady } from './connect.ts';

/** Between client and server: counts what arrives in one piece. */
class Wire {
  chunks: string[] = [];
  readonly #server: Server;

  constructor(redisPort: number) {
    this.#server = createServer((from) => {
      const to = connect(redisPort, '127.0.0.1');
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        this.chunks.push(chunk.toString('latin1'));
        to.write(chunk);
      });
      to.on('data', (chunk) => from.write(chunk));
      for (const end of [from, to]) end.on('error', () => undefined);
      from.on('close', () => to.destroy());
      to.on('close', () => from.destroy());
    });
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }
}

let redis: TestRedis;
let wire: Wire;
let client: Redis;

beforeAll(async () => {
  redis = await startRedis();
  wire = new Wire(redis.port);
  const url = `redis://127.0.0.1:${await wire.open()}`;
  client = connectRedis({ url }, 'worker', () => undefined) as Redis;
  await whenReady(client, 5000);
});

afterAll(async () => {
  client.disconnect();
  wire.close();
  await redis.stop();
});

/** Commands of several callbacks of one turn, as streams send them. */
async function oneTurn(): Promise<void> {
  wire.chunks = [];
  const sent: Promise<unknown>[] = [];
  for (let count = 0; count < 10; count += 1) {
    sent.push(client.incr('counter'));
    // A microtask later, as after an await.
    sent.push(Promise.resolve().then(async () => client.incr('counter')));
  }
  await Promise.all(sent);
}

describe('commands of one turn of the event loop', () => {
  test('leave in one write', async () => {
    await oneTurn();
    expect(wire.chunks).toHaveLength(1);
  });

  test('leave in their order: a MULTI does not overtake what was said before it', async () => {
    await client.set('order', '0');
    const replies = [
      client.append('order', '1'),
      client.multi().append('order', '2').append('order', '3').exec(),
      client.append('order', '4'),
    ];
    await Promise.all(replies);
    expect(await client.get('order')).toBe('01234');
  });

  test('wait for no later turn', async () => {
    wire.chunks = [];
    const first = client.ping();
    await nextTurn();
    await nextTurn();
    const second = client.ping();
    await Promise.all([first, second]);
    expect(wire.chunks).toHaveLength(2);
  });

  test('are gathered on the connection that replaces a lost one too', async () => {
    const serving = client.stream;
    serving.destroy();
    await waitFor('a new connection', () => client.status === 'ready' && client.stream !== serving);
    await oneTurn();
    expect(wire.chunks).toHaveLength(1);
  });

  test('that cannot leave because the connection breaks fail, and hold up nothing', async () => {
    const lost = client.incr('counter');
    client.stream.destroy();
    await expect(lost).rejects.toThrow();
    await waitFor('a new connection', () => client.status === 'ready');
    await expect(client.ping()).resolves.toBe('PONG');
  });
});
