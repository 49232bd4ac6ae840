/** What a scenario opens, and what is closed after each test whatever became of it: hosts and a tier. */
import { startSmtpHost, type HostOptions, type HostScript, type SmtpHost } from '@mailwheel/testkit';
import { afterEach } from 'vitest';
import { startTier, type Tier, type TierOptions } from './tier.ts';

export interface Stage {
  host(script?: HostScript, options?: HostOptions): Promise<SmtpHost>;
  tier(options: TierOptions): Promise<Tier>;
}

/** Called once at the top of a scenario file. */
export function useStage(): Stage {
  const hosts: SmtpHost[] = [];
  const tiers: Tier[] = [];
  afterEach(async () => {
    await Promise.all(tiers.splice(0).map(async (tier) => tier.stop()));
    await Promise.all(hosts.splice(0).map(async (host) => host.stop()));
  });
  return {
    host: async (script = {}, options = {}) => {
      const host = await startSmtpHost(script, options);
      hosts.push(host);
      return host;
    },
    tier: async (options) => {
      const tier = await startTier(options);
      tiers.push(tier);
      return tier;
    },
  };
}
