/**
 * Single look-ups, kept for their TTL: thousands of domains share the mail hosts of one provider, and ten streams that
 * start on one destination ask once.
 */
import { AnswerCache } from './answer-cache.ts';
import { failureTtlSeconds, negativeTtlSeconds } from './mail-hosts.ts';
import type { DnsAnswer, DnsLookup } from './types.ts';

export interface CachingOptions {
  readonly entriesMax: number;
  readonly cacheSecondsMax: number;
  readonly now: () => number;
}

interface Kept<T> {
  readonly answer: DnsAnswer<T>;
  readonly untilMs: number;
}

/** The same look-up with a memory. The TTL of a remembered answer is what is left of it. */
export function cachingLookup(inner: DnsLookup, options: CachingOptions): DnsLookup {
  const mx = remember(options, (name: string) => inner.mx(name));
  const ipv4 = remember(options, (name: string) => inner.addresses(name, 4));
  const ipv6 = remember(options, (name: string) => inner.addresses(name, 6));
  return {
    mx,
    addresses: (name, family) => (family === 4 ? ipv4(name) : ipv6(name)),
    close: () => inner.close(),
  };
}

function remember<T>(
  { entriesMax, cacheSecondsMax, now }: CachingOptions,
  ask: (name: string) => Promise<DnsAnswer<T>>,
): (name: string) => Promise<DnsAnswer<T>> {
  const cache = new AnswerCache<string, Kept<T>>(entriesMax, now);
  return async (name) => {
    const kept = await cache.get(name, async () => {
      const answer = await ask(name);
      const freshMs = Math.min(ttlSecondsOf(answer), cacheSecondsMax) * 1000;
      return {
        value: { answer, untilMs: now() + freshMs },
        freshMs,
        staleMs: 0,
        failed: answer.kind === 'failed',
      };
    });
    if (kept.answer.kind !== 'records') return kept.answer;
    return { ...kept.answer, ttlSeconds: Math.max(0, (kept.untilMs - now()) / 1000) };
  };
}

function ttlSecondsOf(answer: DnsAnswer<unknown>): number {
  switch (answer.kind) {
    case 'records':
      return answer.ttlSeconds;
    case 'no-data':
    case 'no-name':
      return negativeTtlSeconds;
    case 'failed':
      return failureTtlSeconds;
  }
}
