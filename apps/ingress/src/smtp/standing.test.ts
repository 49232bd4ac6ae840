/** What a client has shown, and what it may therefore do: kept up with the users in force, and closed when limits cannot be counted. */
import { expect, test } from 'vitest';
import type { Charge } from '../users/user-limits.ts';
import type { User } from '../users/users-file.ts';
import type { SessionRules, UserRules } from './session-rules.ts';
import { Standing } from './standing.ts';

const password = { costLog2: 14, blockSize: 8, parallel: 1, salt: Buffer.alloc(16), key: Buffer.alloc(32) };
const app: User = { name: 'app', password };

function standing(
  more: Partial<UserRules> = {},
  inForce: User | undefined = app,
): {
  readonly of: Standing;
  readonly faults: string[];
} {
  const faults: string[] = [];
  const users = {
    doorkeeper: { passwords: { current: () => inForce } },
    charge: async (): Promise<Charge> => 'charged',
    minuteLimits: { messagesPerMinuteMax: 5, recipientsPerMinuteMax: 50 },
    ...more,
  };
  const rules: Pick<SessionRules, 'limits' | 'certificatesRelay' | 'report'> & { users: object } = {
    limits: {
      messageBytesMax: 1000,
      recipientsMax: 100,
      destinationsMax: 10,
      hopsMax: 30,
      connectionsMax: 1,
      connectionsPerAddressMax: 1,
    },
    certificatesRelay: false,
    users,
    report: (event) => faults.push(event.kind),
  };
  return { of: new Standing(rules as unknown as SessionRules, false), faults };
}

test('a login relays, within the limits of the user', () => {
  const { of } = standing();
  expect([of.relays, of.limits.recipientsMax, of.userName]).toEqual([false, 100, undefined]);
  of.admit(app);
  expect([of.relays, of.limits.recipientsMax, of.userName]).toEqual([true, 50, 'app']);
  of.admit({ ...app, recipientsPerMinuteMax: 0 });
  expect(of.limits.recipientsMax).toBe(100);
});

test('what cannot be counted is put off, and told; who is no user is not counted', async () => {
  const { of, faults } = standing({ charge: async () => Promise.reject(new Error('Redis is away')) });
  expect(await of.charge(1)).toBeUndefined();
  of.admit(app);
  expect(await of.charge(1)).toMatchObject({ code: 451, enhancedCode: '4.3.0' });
  expect(faults).toEqual(['fault']);
});

test('a user who is gone is none; one with new words gets them', () => {
  expect(standing().of.isStillUser()).toBe(true);
  const gone = standing({ doorkeeper: { passwords: { current: () => undefined } } as never });
  gone.of.admit(app);
  expect(gone.of.isStillUser()).toBe(false);
  const changed = standing({}, { ...app, from: ['only@this.example'] });
  changed.of.admit(app);
  expect(changed.of.maySendFrom('a@b.example')).toBe(true);
  expect(changed.of.isStillUser()).toBe(true);
  expect(changed.of.maySendFrom('a@b.example')).toBe(false);
});
