/**
 * Acceptance 1, the seed (vendor note 117875): two equal hosts, the first says it is full. The second gets the message in
 * the same attempt; the first is left alone until its rest is over; then one probe comes from the whole cluster.
 */
import { waitFor, type HostScript } from '@mailwheel/testkit';
import { describe, expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { useStage } from './stage.ts';
import { messageIdOf } from './tier.ts';

const stage = useStage();

interface Ledger {
  readonly attempts: readonly {
    readonly host: string;
    readonly phase: string;
    readonly outcome: string;
    readonly attempt: number;
    readonly reply: string;
  }[];
}

const cases: readonly { name: string; script: HostScript; phase: 'greeting' | 'mail'; reply: RegExp }[] = [
  {
    name: 'a greeting of 431',
    script: { greeting: '431 Mail system full' },
    phase: 'greeting',
    reply: /^431 Mail system full/,
  },
  {
    name: '452 4.3.1 at MAIL',
    script: { mail: '452 4.3.1 Insufficient system resources' },
    phase: 'mail',
    reply: /^452 4\.3\.1 Insufficient system resources/,
  },
];

describe('a host that is up but full', () => {
  test.each(cases)(
    '$name: next host in the same attempt, then one probe from all workers',
    async ({ script, phase, reply }) => {
      const full = await stage.host(script);
      const fine = await stage.host({});
      const tier = await stage.tier({
        workers: 3,
        routes: `example.com 127.0.0.1:${full.port}/pri=0, 127.0.0.1:${fine.port}/pri=0`,
        settings: { hostHealth: { firstRestSeconds: 3, longestRestSeconds: 3 } },
      });

      const id = messageIdOf(await tier.submit({ from: 'a@source.test', to: 'b@example.com' }));
      await waitFor('delivery by the second host', () => fine.delivered.length === 1);
      const told = await waitFor('the ledger', async () => {
        const message = (await tier.message(id)) as unknown as Ledger;
        return message.attempts?.length === 2 ? message : undefined;
      });
      expect(told.attempts.map((one) => [one.host, one.phase, one.outcome, one.attempt])).toEqual([
        [`127.0.0.1:${full.port}`, phase, 'next-host', 1],
        [`127.0.0.1:${fine.port}`, 'final', 'delivered', 1],
      ]);
      expect(told.attempts[0]?.reply).toMatch(reply);

      // A connection may be reused for the probe: what is counted is how often the host was asked.
      const touched = (): number => full.counters.phases[phase];
      const touchedBefore = touched();
      await submitMany({ port: tier.smtpPort, count: 60, to: () => 'b@example.com' });
      await waitFor('the next messages', () => fine.delivered.length === 61);
      expect(touched()).toBe(touchedBefore);

      // The rest ends; messages come to all three workers at once, and one of them is the probe.
      await waitFor(
        'the probe',
        async () => {
          await submitMany({ port: tier.smtpPort, count: 5, to: () => 'b@example.com' });
          return touched() > touchedBefore;
        },
        8_000,
      );
      await submitMany({ port: tier.smtpPort, count: 60, to: () => 'b@example.com' });
      await waitFor('everything', () => fine.delivered.length >= 121);
      expect(touched()).toBe(touchedBefore + 1);
      expect(full.delivered).toHaveLength(0);
    },
  );
});
