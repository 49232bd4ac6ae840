/** Acceptance 14: connection limits hold over several workers; a connection that died idle costs nothing. */
import { waitFor, type SmtpHost } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { useStage } from './stage.ts';
import { messageIdOf } from './tier.ts';

const stage = useStage();

interface Told {
  readonly attempts: readonly { readonly outcome: string; readonly attempt: number }[];
}

test(
  '500 messages to one host use no more connections than the limit, over two workers',
  { timeout: 60_000 },
  async () => {
    const host = await stage.host({ final: { delayMs: 5, reply: '250 2.0.0 Ok' } });
    const tier = await stage.tier({
      workers: 2,
      routes: `example.com 127.0.0.1:${host.port}`,
      settings: { delivery: { connectionsPerHostMax: 7, initialConnections: 3 } },
    });
    await submitMany({ port: tier.smtpPort, count: 500, to: (index) => `u${index}@example.com` });
    await waitFor('all', () => host.delivered.length === 500, 30_000);
    expect(host.counters.openMax).toBeLessThanOrEqual(7);
    expect(host.counters.openMax).toBeGreaterThan(3);
  },
);

test.each([
  ['421 while idle', (host: SmtpHost) => host.live.forEach((one) => one.say('421 4.4.2 Idle too long'))],
  ['closed while idle', (host: SmtpHost) => host.live.forEach((one) => one.close())],
  ['reset while idle', (host: SmtpHost) => host.live.forEach((one) => one.reset())],
])('%s: no penalty, no retry', async (_name, end) => {
  const host = await stage.host({});
  const tier = await stage.tier({ routes: `example.com 127.0.0.1:${host.port}` });
  await tier.submit({ from: 's@source.test', to: 'u@example.com' });
  await waitFor('the first', () => host.delivered.length === 1);
  await waitFor('an idle connection', () => host.live.length === 1);
  end(host);
  const id = messageIdOf(await tier.submit({ from: 's@source.test', to: 'u@example.com' }));
  await waitFor('the second', () => host.delivered.length === 2);
  const told = (await tier.message(id)) as unknown as Told;
  expect(told.attempts.every((one) => one.attempt === 1)).toBe(true);
  expect(told.attempts.at(-1)?.outcome).toBe('delivered');
  expect(tier.events('host-state')).toEqual([]);
});

test('idle connections are closed after their time, with QUIT', async () => {
  const host = await stage.host({});
  const tier = await stage.tier({
    routes: `example.com 127.0.0.1:${host.port}`,
    settings: { delivery: { idleConnectionSeconds: 0.5 } },
  });
  await tier.submit({ from: 's@source.test', to: 'u@example.com' });
  await waitFor('the message', () => host.delivered.length === 1);
  await waitFor('the end of the connection', () => host.counters.open === 0);
  expect(host.counters.phases.quit).toBe(1);
});
