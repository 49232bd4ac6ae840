/**
 * Acceptance 13: fifty destinations that accept connections and never greet, 200 messages waiting for each, do not slow
 * another destination. Latency is measured from the log's own record of acceptance and delivery, alone and beside the
 * tarpits, in five interleaved runs; medians of the runs are compared.
 */
import { startSmtpHost, waitFor, type SmtpHost } from '@mailwheel/testkit';
import { afterEach, expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { startTier, type Tier } from './tier.ts';

const tarpits = 50;
const waitingEach = 200;
const runs = 5;
const messagesPerRun = 100;

const open: { tiers: Tier[]; hosts: SmtpHost[] } = { tiers: [], hosts: [] };

afterEach(async () => {
  await Promise.all(open.tiers.map((tier) => tier.stop()));
  await Promise.all(open.hosts.map((host) => host.stop()));
  open.tiers = [];
  open.hosts = [];
});

/** Sends one message after the other and returns the times from the 250 to the arrival at the host, sorted. */
async function latencies(tier: Tier, fine: SmtpHost): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < messagesPerRun; index += 1) {
    const before = fine.delivered.length;
    await submitMany({ port: tier.smtpPort, count: 1, connections: 1, to: () => 'user@fine.example' });
    const acceptedAtMs = performance.now();
    while (fine.delivered.length === before) await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - acceptedAtMs);
  }
  return times.sort((a, b) => a - b);
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

test('fifty silent destinations do not slow the fifty-first', { timeout: 240_000 }, async () => {
  const fine = await startSmtpHost({});
  open.hosts = [fine];
  const lines = [`fine.example 127.0.0.1:${fine.port}`];
  // Addresses of their own: fifty hosts, not one host fifty times.
  const silent = await Promise.all(
    Array.from({ length: tarpits }, async (_, index) =>
      startSmtpHost({ greeting: { silent: true } }, { address: `127.0.7.${index + 1}` }),
    ),
  );
  open.hosts.push(...silent);
  silent.forEach((host, index) => lines.push(`tarpit${index}.example ${host.address}:${host.port}`));
  const routes = lines.join('\n');
  const [alone, beside] = [await startTier({ routes }), await startTier({ routes })];
  open.tiers = [alone, beside];

  await submitMany({
    port: beside.smtpPort,
    count: tarpits * waitingEach,
    connections: 16,
    to: (index) => `user${index}@tarpit${index % tarpits}.example`,
  });
  await waitFor('the tarpits to be busy', () => silent.every((host) => host.counters.open > 0), 20_000);

  const medians: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
  const tails: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
  await latencies(alone, fine); // both warm
  await latencies(beside, fine);
  for (let run = 0; run < runs; run += 1) {
    for (const [name, tier] of [
      ['alone', alone],
      ['beside', beside],
    ] as const) {
      const times = await latencies(tier, fine);
      medians[name].push(quantile(times, 0.5));
      tails[name].push(quantile(times, 0.95));
    }
  }
  const told = `alone ${median(medians.alone).toFixed(1)}/${median(tails.alone).toFixed(1)} ms, beside ${median(medians.beside).toFixed(1)}/${median(tails.beside).toFixed(1)} ms (median/p95)`;
  process.stdout.write(`isolation: ${told}\n`);
  expect(median(medians.beside), told).toBeLessThanOrEqual(
    Math.max(1.5 * median(medians.alone), median(medians.alone) + 20),
  );
  expect(median(tails.beside), told).toBeLessThanOrEqual(
    Math.max(2 * median(tails.alone), median(tails.alone) + 100),
  );
});
