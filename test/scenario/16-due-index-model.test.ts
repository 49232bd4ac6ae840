/**
 * Acceptance 16, the due index: random adds, claims, completions, deferrals, failures, pauses, retries, removals and rests,
 * with deaths after a claim, while holding, between move and settle, and between an operator's act and his touch, and with
 * processes that freeze beyond their locks and then go on. The
 * invariant holds after each step; then everything drains and no key is left.
 *
 * The seed decides what is tried; the times are Redis's own, so a repetition is close, not equal. Run one again with
 * MAILWHEEL_SEED=<seed>.
 */
import { startRedis, waitFor, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditDueIndex, seeded } from './due-index-audit.ts';
import { bounced, ModelTier, shards, times } from './due-index-tier.ts';

const given = process.env['MAILWHEEL_SEED'];
const seeds = given === undefined ? [1, 2, 3, Date.now() % 1_000_000] : [Number(given)];
const steps = 2_000;
const stepsBetweenSweeps = 200;

const auditTimes = {
  // Hold and look are the longest steps of the index; the margin is for a timestamp of ours that is older than Redis's now.
  slackMs: Math.max(times.claimHoldMs, times.stalledMs) + 30,
  lookMs: times.stalledMs,
  pausedLookMs: times.pausedLookMs,
  keepMs: bounced.keepSeconds * 1_000,
};

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis({ arguments: ['--appendonly', 'no'] });
});
afterAll(() => redis.stop());

async function assertInvariant(tier: ModelTier, inspector: ReturnType<TestRedis['client']>): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const broken = await auditDueIndex(inspector, shard, auditTimes);
    const unexcused = broken.filter(
      (sentence) => ![...tier.owed].some((owed) => sentence.startsWith(`${owed} `)),
    );
    if (unexcused.length > 0) throw new Error(unexcused.join('; '));
  }
}

async function run(seed: number): Promise<ModelTier['counts']> {
  const inspector = redis.client();
  await inspector.flushall();
  const random = seeded(seed);
  const tier = new ModelTier(random);
  await tier.start(redis.url);
  let step = 0;
  try {
    for (; step < steps; step++) {
      const luck = random();
      if (luck < 0.12) await tier.add();
      else if (luck < 0.17) await tier.operate(true);
      else await tier.step(0.02);
      await assertInvariant(tier, inspector);
      if (step % stepsBetweenSweeps === 0) {
        await tier.sweep();
        await assertInvariant(tier, inspector);
      }
    }
    // Everybody dies once more, then the tier is left in peace: no sweep, the index alone must find everything.
    tier.dieAll();
    await tier.sweep();
    await tier.resumeAll();
    await waitFor(
      'every job to end and every key to go',
      async () => {
        step++;
        for (let turn = 0; turn < 20; turn++) await tier.step(0);
        await assertInvariant(tier, inspector);
        return tier.open.size === 0 && tier.failed.size === 0 && (await inspector.dbsize()) === 0;
      },
      12_000,
    );
  } catch (error) {
    const keys = (await inspector.keys('*')).slice(0, 20).join(' ');
    throw new Error(
      `MAILWHEEL_SEED=${seed}, step ${step}: ${String(error)}; open ${tier.open.size}, failed ${tier.failed.size}, ${JSON.stringify(tier.counts)}, keys: ${keys}`,
      { cause: error },
    );
  } finally {
    await tier.stop();
    inspector.disconnect();
  }
  return tier.counts;
}

describe('the due index against its model', () => {
  const runs: ModelTier['counts'][] = [];

  it.each(seeds)(
    'keeps its invariant after each step and drains to nothing, seed %i',
    async (seed) => {
      const counts = await run(seed);
      runs.push(counts);
      expect(counts.added).toBe(counts.completed + counts.failed + counts.removed);
    },
    30_000,
  );

  it('met what it is for: dead and frozen processes, and operators who died', () => {
    const met = (what: keyof ModelTier['counts']): number =>
      runs.reduce((sum, counts) => sum + counts[what], 0);
    expect(met('crashes')).toBeGreaterThan(10);
    expect(met('recovered')).toBeGreaterThan(5);
    expect(met('refused')).toBeGreaterThan(0);
    expect(met('operatorDeaths')).toBeGreaterThan(5);
  });
});
