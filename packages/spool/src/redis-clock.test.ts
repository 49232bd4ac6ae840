import { startRedis } from '@mailwheel/testkit';
import { expect, it } from 'vitest';
import { createRedisClock } from './redis-clock.ts';

/** A server whose TIME is `timeMs`; answering takes `answerMs` of the monotonic clock, spent evenly both ways. */
function setting(): {
  now: { monotonicMs: number; serverMs: number; answerMs: number };
  client: { time(): Promise<unknown> };
} {
  const now = { monotonicMs: 1000, serverMs: 1_700_000_000_000, answerMs: 0 };
  return {
    now,
    client: {
      async time() {
        now.monotonicMs += now.answerMs / 2;
        now.serverMs += now.answerMs / 2;
        const reply = [Math.floor(now.serverMs / 1000), Math.round((now.serverMs % 1000) * 1000)];
        now.monotonicMs += now.answerMs / 2;
        now.serverMs += now.answerMs / 2;
        return reply;
      },
    },
  };
}

async function sampled(
  steps: (now: { monotonicMs: number; serverMs: number; answerMs: number }) => void,
): Promise<number> {
  const { now, client } = setting();
  const clock = createRedisClock({ client, monotonicMs: () => now.monotonicMs, wallMs: () => 0 });
  await clock.start();
  steps(now);
  await clock.start();
  clock.close();
  return clock.nowMs() - now.serverMs;
}

it('follows the real Redis without asking it', async () => {
  const redis = await startRedis();
  try {
    const client = redis.client();
    const clock = createRedisClock({ client });
    expect(() => clock.nowMs()).toThrow(/before it was started/);
    await clock.start();
    const beforeMs = clock.nowMs();
    const [seconds, microseconds] = (await client.time()).map(Number);
    const afterMs = clock.nowMs();
    const serverMs = (seconds ?? 0) * 1000 + (microseconds ?? 0) / 1000;
    expect(serverMs).toBeGreaterThan(beforeMs - 100);
    expect(serverMs).toBeLessThan(afterMs + 100);
    expect(Math.abs(clock.skewMs())).toBeLessThan(100);
    clock.close();
  } finally {
    await redis.stop();
  }
});

it('counts on from a good sample when a later one is slow', async () => {
  const error = await sampled((now) => {
    now.monotonicMs += 5000;
    now.serverMs += 5000;
    now.answerMs = 400;
  });
  expect(error).toBe(0);
});

it('follows a clock that was set', async () => {
  const error = await sampled((now) => {
    now.monotonicMs += 5000;
    now.serverMs += 65_000;
    now.answerMs = 10;
  });
  expect(error).toBe(0);
});
