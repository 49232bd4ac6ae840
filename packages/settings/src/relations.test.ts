/** Limits that contradict each other: each relation is broken once, and the defaults break none. */
import { describe, expect, it } from 'vitest';
import { parseSettings } from './index.ts';
import { relations } from './relations.ts';

const token = `{name: a, sha256: "${'0'.repeat(64)}"}`;

/** One way to break each relation, in the order of the list. */
const broken = [
  'worker: { lockSeconds: 12, lockRenewSeconds: 5 }',
  'worker: { lockSeconds: 30, stalledSeconds: 31 }',
  'worker: { streams: 5 }',
  'delivery: { commandSeconds: 900 }',
  'delivery: { dataSeconds: 900 }',
  'delivery: { bodyBlockSeconds: 900 }',
  'delivery: { finalReplySeconds: 900 }',
  'delivery: { connectSeconds: 50, greetingSeconds: 850 }',
  'dns: { timeoutMs: 60000, attempts: 10 }\ndelivery: { attemptSeconds: 600.0, finalReplySeconds: 30 }',
  'delivery: { connectionsPerHostMax: 2 }',
  'retry: { firstWaitSeconds: 10, longestWaitSeconds: 5 }',
  'retry: { maxAgeSeconds: 60 }',
  'hostHealth: { firstRestSeconds: 10, longestRestSeconds: 5 }',
  'hostHealth: { probeLeaseSeconds: 29 }',
  'bounce: { delayWarningSeconds: 259200 }',
  'ingress: { bodiesInFlightBytes: 52428799 }',
  'worker: { bodiesInFlightBytes: 52428799 }',
  'ingress: { smtp: { recipientsMax: 100 } }',
  'ingress: { smtp: { connectionsMax: 99 } }',
  'redis: { waitTimeoutMs: 2000 }',
  'redis: { commandTimeoutMs: 20000 }',
  'routes: ""\nroutesFile: a',
  'ingress: { smtp: { usersFile: a } }',
  'ingress: { smtps: { listen: "127.0.0.1:2465" } }',
  `ingress: { http: { tokens: [${token}, ${token}] } }`,
  'console: { login: { user: a, passwordFile: f }, users: [{ name: a, passwordHashFile: g }] }',
];

describe('relations between limits', () => {
  it('are all broken by an example here', () => {
    expect(broken).toHaveLength(relations.length);
  });

  it.each(relations.map((relation, index) => ({ ...relation, yaml: broken[index] ?? '' })))(
    '$path $message',
    ({ path, message, yaml }) => {
      const parsed = parseSettings({ yaml, environment: {} });
      expect(parsed.ok ? [] : parsed.problems).toEqual([
        expect.objectContaining({ path, message, source: 'file' }),
      ]);
    },
  );
});
