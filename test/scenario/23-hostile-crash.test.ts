/**
 * A message that kills the process that handles it, every time: it is set aside after `crashesPerMessageMax` starts, shown
 * as failed, kept whole, delivered once somebody says so; and other mail goes on all the while.
 */
import { waitFor } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { becomes } from './message-status.ts';
import { useStage } from './stage.ts';
import { messageIdOf, type Tier } from './tier.ts';

const crashesPerMessageMax = 3;
const stage = useStage();

/** Starts a worker again whenever the last one was killed, as a supervisor does. */
function supervise(tier: Tier): { readonly kill: () => void; readonly settled: () => Promise<void> } {
  let starting: Promise<unknown> = Promise.resolve();
  const kill = (): void => {
    for (const worker of tier.workers()) {
      worker.child.kill('SIGKILL');
      worker.child.once('exit', () => {
        starting = tier.startRole('worker');
      });
    }
  };
  return { kill, settled: async () => void (await starting) };
}

test('is set aside, kept and shown; other mail goes on', { timeout: 90_000 }, async () => {
  const good = await stage.host();
  const killer = await stage.host();
  const tier = await stage.tier({
    console: true,
    routes: `poison.example 127.0.0.1:${killer.port}\nALL 127.0.0.1:${good.port}`,
    settings: {
      worker: { lockSeconds: 2.5, lockRenewSeconds: 0.2, stalledSeconds: 0.5, crashesPerMessageMax },
    },
  });
  const supervisor = supervise(tier);
  killer.behave({
    data: () => {
      supervisor.kill();
      return { silent: true };
    },
  });
  const poison = messageIdOf(
    await tier.submit({
      from: 'sender@source.test',
      to: 'victim@poison.example',
      body: 'Subject: poison\r\n\r\nx\r\n',
    }),
  );
  let others = 0;
  const setAside = waitFor(
    'the message to be set aside',
    () => tier.events('quarantined').length > 0,
    60_000,
  );
  let over = false;
  void setAside.then(
    () => (over = true),
    () => (over = true),
  );
  while (!over) {
    await submitMany({ port: tier.smtpPort, count: 20, to: (index) => `u${index}@d${index % 5}.example` });
    others += 20;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await setAside;
  await supervisor.settled();

  expect(killer.counters.phases.data).toBe(crashesPerMessageMax);
  expect(tier.events('quarantined')).toMatchObject([
    { destination: 'poison.example', starts: crashesPerMessageMax },
  ]);
  await waitFor(
    'all other mail',
    () => new Set(good.delivered.map(({ digest }) => digest)).size >= others,
    30_000,
  );
  await becomes(tier, poison, 'held');

  const redis = tier.redis.client();
  expect(await redis.zcard('{mw0}:poison.example:failed')).toBe(1);
  expect(await redis.exists(`{mw0}:!body:${poison}`)).toBe(1);
  const shown = await fetch(
    `http://127.0.0.1:${tier.consolePort}/board/api/queues?activeQueue=poison.example&status=failed&page=1`,
  );
  expect(await shown.text()).toContain('quarantined');

  // It waits for a person: nobody asks the host again by himself.
  const before = killer.counters.phases.data;
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(killer.counters.phases.data).toBe(before);
});
