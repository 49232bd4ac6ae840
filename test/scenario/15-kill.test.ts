/**
 * Acceptance 15, `kill -9` of one of two workers in mid-delivery: everything accepted is delivered by the other, and second
 * copies are exactly the messages that were between terminator and record when it died (design section 6).
 */
import { waitFor } from '@mailwheel/testkit';
import { afterEach, expect, test } from 'vitest';
import { HoldingHost, Traffic } from './copies.ts';
import { startTier, type RoleProcess, type Tier } from './tier.ts';

const open: { tier?: Tier; host?: HoldingHost } = {};

afterEach(async () => {
  await open.tier?.stop();
  open.host?.release();
  await open.host?.smtp.stop();
  delete open.tier;
  delete open.host;
});

const victimName = 'victim.relay.test';
const survivorName = 'survivor.relay.test';

/** Two workers that the host can tell apart by their EHLO names. */
async function start(): Promise<{
  tier: Tier;
  host: HoldingHost;
  victim: RoleProcess;
  survivor: RoleProcess;
}> {
  const host = await HoldingHost.start(40);
  open.host = host;
  const tier = await startTier({
    workers: 0,
    routes: `ALL 127.0.0.1:${host.smtp.port}`,
    // Long enough that a worker which waits for a busy machine is not taken for a dead one.
    settings: { worker: { lockSeconds: 5, lockRenewSeconds: 0.5, stalledSeconds: 0.5 } },
  });
  open.tier = tier;
  const [victim, survivor] = await Promise.all([
    tier.startRole('worker', { MAILWHEEL__HOSTNAME: victimName }),
    tier.startRole('worker', { MAILWHEEL__HOSTNAME: survivorName }),
  ]);
  return { tier, host, victim, survivor };
}

/** Of these messages, those that are not recorded as delivered. Exact while the host holds: nobody's result can come in. */
async function unrecorded(tier: Tier, traffic: Traffic, subjects: readonly string[]): Promise<string[]> {
  const open: string[] = [];
  for (const subject of subjects) {
    const status = (await tier.message(traffic.answered.get(subject) ?? 'unknown')) as {
      recipients?: { state: string }[];
    };
    if (status.recipients?.[0]?.state !== 'delivered') open.push(subject);
  }
  return open.toSorted();
}

test.each([
  ['while the host holds its final replies', true],
  ['in full flow', false],
])(
  'one of two workers is killed %s',
  async (_when, heldBefore) => {
    const { tier, host, victim, survivor } = await start();
    const traffic = new Traffic(tier.smtpPort, (index) => `user@d${index % 6}.example`);
    await waitFor(
      'both workers to deliver',
      () => host.subjects(victimName).length > 20 && host.subjects(survivorName).length > 20,
      30_000,
    );
    if (heldBefore) {
      host.hold();
      await waitFor(
        'both workers to wait for final replies',
        () => host.heldFor(victimName) >= 3 && host.heldFor(survivorName) >= 3,
        20_000,
      );
    } else {
      await waitFor('a delivery of the victim under way', () => host.heldFor(victimName) >= 1, 20_000);
    }
    victim.child.kill('SIGKILL');
    host.hold();
    await waitFor('what it had sent to be read', () => host.openFor(victimName) === 0, 20_000);
    await traffic.stop();
    const between = await unrecorded(tier, traffic, host.subjects(victimName));
    expect(between.length).toBeGreaterThan(0);

    host.release();
    const answered = [...traffic.answered.keys()];
    await waitFor(
      'everything answered 250 to be delivered',
      () => new Set(host.subjects()).size === answered.length && host.heldFor(survivorName) === 0,
      40_000,
    );
    await waitFor(
      'all results',
      async () => (await unrecorded(tier, traffic, answered)).length === 0,
      40_000,
    );
    expect(new Set(host.subjects())).toEqual(new Set(answered));
    // Not one more: what was recorded was not sent again. Not one less: nothing was given up.
    expect(host.secondCopies()).toEqual(between);
    const reruns = /^mailwheel_reruns_total (\d+)$/m.exec(await tier.metrics(survivor))?.[1];
    expect(Number(reruns)).toBeGreaterThanOrEqual(between.length);
  },
  90_000,
);
