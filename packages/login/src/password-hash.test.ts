import { scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashPassword, PasswordCheck, readPasswordHash, type PasswordHash } from './index.ts';

/** Cheap, for tests that are not about its cost. */
function cheapHash(password: string): PasswordHash {
  const salt = Buffer.from('a salt of tests!');
  const key = scryptSync(password, salt, 32, { N: 1024, r: 1, p: 1 });
  return { costLog2: 10, blockSize: 1, parallel: 1, salt, key };
}

describe('a hash', () => {
  it('fits its password and no other, in whichever form its letters are written', async () => {
    const text = await hashPassword('pa:ss w\u00f6rd');
    const hash = readPasswordHash(text);
    if (hash === undefined) throw new Error(text);
    const check = new PasswordCheck();
    expect(await check.check(hash, 'pa:ss w\u00f6rd')).toBe('right');
    expect(await check.check(hash, 'pa:ss wo\u0308rd')).toBe('right');
    expect(await check.check(hash, 'pa:ss word')).toBe('wrong');
    expect(await check.check(hash, text)).toBe('wrong');
    expect(await check.check(hash, '')).toBe('wrong');
  });

  it('takes at least 32 MiB for each guess, and differs for the same password', async () => {
    const [one, other] = await Promise.all([hashPassword('x'), hashPassword('x')]);
    expect(one).not.toBe(other);
    const hash = readPasswordHash(one);
    expect(128 * 2 ** (hash?.costLog2 ?? 0) * (hash?.blockSize ?? 0)).toBeGreaterThanOrEqual(33_554_432);
  });

  it.each([
    ['a password', 'secret'],
    ['another scheme', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5a2V5'],
    ['no cost', '$scrypt$ln=0,r=8,p=1$c2FsdHNhbHRzYWx0$a2V5a2V5a2V5a2V5a2V5a2V5'],
    ['a cost of 8 GiB', '$scrypt$ln=23,r=8,p=1$c2FsdHNhbHRzYWx0$a2V5a2V5a2V5a2V5a2V5a2V5'],
    ['a hundred rounds', '$scrypt$ln=14,r=8,p=99$c2FsdHNhbHRzYWx0$a2V5a2V5a2V5a2V5a2V5a2V5'],
    ['a key of two bytes', '$scrypt$ln=14,r=8,p=1$c2FsdHNhbHRzYWx0$a2U'],
  ])('is not made of %s', (_what, text) => {
    expect(readPasswordHash(text)).toBeUndefined();
  });
});

describe('checking', () => {
  it('is refused when too many wait, and goes on afterwards', async () => {
    const hash = cheapHash('right');
    const check = new PasswordCheck({ atATimeMax: 1, waitingMax: 2 });
    const answers = await Promise.all(
      ['right', 'wrong', 'right', 'right'].map((word) => check.check(hash, word)),
    );
    expect(answers).toEqual(['right', 'wrong', 'right', 'busy']);
    expect(await check.check(hash, 'right')).toBe('right');
  });
});
