/** Passwords: right, wrong, unknown; what each costs; and how many are checked at a time. */
import { scryptSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { UserPasswords } from './user-passwords.ts';
import type { User } from './users-file.ts';

const salt = Buffer.alloc(16, 7);

function user(name: string, password: string): User {
  const key = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  return { name, password: { costLog2: 14, blockSize: 8, parallel: 1, salt, key } };
}

function checkOf(...users: readonly User[]): UserPasswords {
  const check = new UserPasswords();
  check.replaceUsers(new Map(users.map((of) => [of.name, of])));
  return check;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

test('only the right password of a known user is right', async () => {
  const check = checkOf(user('app', 'secret'), user('other', 'else'));
  expect(await check.check('app', 'secret')).toMatchObject({ kind: 'right', user: { name: 'app' } });
  expect(await check.check('app', 'secret')).toMatchObject({ kind: 'right' });
  expect(await check.check('app', 'Secret')).toEqual({ kind: 'wrong', known: true });
  expect(await check.check('app', 'else')).toEqual({ kind: 'wrong', known: true });
  // The decoy of an unknown name may be any user: even with that one's password it is nobody.
  for (const password of ['secret', 'else']) {
    expect(await check.check('nobody', password)).toEqual({ kind: 'wrong', known: false });
  }
  expect(await checkOf().check('app', 'secret')).toEqual({ kind: 'wrong', known: false });
});

test('an unknown user costs what a known one does', async () => {
  const check = checkOf(user('app', 'secret'));
  const ratios: number[] = [];
  for (let round = 0; round < 7; round++) {
    const knownMs = await timed(async () => check.check('app', `wrong ${round}`));
    const unknownMs = await timed(async () => check.check(`nobody ${round}`, 'wrong'));
    ratios.push(unknownMs / knownMs);
  }
  // Without the decoy it would be a hundredth.
  const median = ratios.toSorted((a, b) => a - b)[3] ?? 0;
  expect(median).toBeGreaterThan(0.4);
  expect(median).toBeLessThan(2.5);
});

test('a right password is not right any more when the file has another, and its user is not current', async () => {
  const before = user('app', 'secret');
  const check = checkOf(before);
  expect((await check.check('app', 'secret')).kind).toBe('right');
  const same = user('app', 'secret');
  check.replaceUsers(new Map([['app', same]]));
  expect(check.current(before)).toBe(same);
  check.replaceUsers(new Map([['app', user('app', 'changed')]]));
  expect((await check.check('app', 'secret')).kind).toBe('wrong');
  expect(check.current(before)).toBeUndefined();
  check.replaceUsers(new Map());
  expect(check.current(before)).toBeUndefined();
});

test('a flood of logins waits in a line that ends', async () => {
  const check = checkOf(user('app', 'secret'));
  const verdicts = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => (await check.check('app', `${index}`)).kind),
  );
  // Two at work, 64 that wait.
  expect(verdicts.filter((kind) => kind === 'wrong')).toHaveLength(66);
  expect(verdicts.filter((kind) => kind === 'busy')).toHaveLength(34);
  expect((await check.check('app', 'secret')).kind).toBe('right');
});
