import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailedLogins, PasswordCheck } from '@mailwheel/login';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cheapHash } from '../../fixture/cheap-hash.ts';
import { readAccounts, type Account } from './accounts.ts';
import { BasicLogin } from './basic-login.ts';
import type { Visitor } from './visitor.ts';

const password = 'pa:ss wörd';
let accounts: readonly [Account, ...Account[]];
let folder: string;
let nowMs = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-login-'));
  await writeFile(join(folder, 'hash'), `${cheapHash('looks')}\n`);
  accounts = await accountsOf({
    users: [
      { name: 'admin', passwordHash: cheapHash(password), role: 'operator' },
      { name: 'viewer', passwordHashFile: join(folder, 'hash'), role: 'viewer' },
    ],
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function accountsOf(settings: Parameters<typeof readAccounts>[0]): Promise<[Account, ...Account[]]> {
  const [first, ...others] = await readAccounts(settings);
  if (first === undefined) throw new Error('no account');
  return [first, ...others];
}

/** Counts the checks, which are what a guesser pays with. */
class CountedCheck extends PasswordCheck {
  count = 0;
  override check(...of: Parameters<PasswordCheck['check']>): ReturnType<PasswordCheck['check']> {
    this.count += 1;
    return super.check(...of);
  }
}

function open(): { login: BasicLogin; check: CountedCheck; failed: FailedLogins } {
  const monotonicMs = (): number => nowMs;
  const check = new CountedCheck();
  const failed = new FailedLogins({ monotonicMs });
  return { login: new BasicLogin({ accounts, monotonicMs, check, failed }), check, failed };
}

function basic(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function judge(login: BasicLogin, pair: string, address = '192.0.2.1'): Promise<Visitor> {
  return login.judge({ address, authorization: basic(pair) });
}

describe('a login by password', () => {
  it('knows users by their passwords, which may hold colons and any letters, and says their role', async () => {
    const { login } = open();
    expect(await judge(login, `admin:${password}`)).toEqual({
      kind: 'known',
      actor: { name: 'admin', role: 'operator', via: 'login' },
    });
    expect(await judge(login, 'viewer:looks')).toMatchObject({ actor: { name: 'viewer', role: 'viewer' } });
  });

  it.each([
    ['another password', basic('admin:other')],
    ['the password of another user', basic('admin:looks')],
    ['another user', basic(`root:${password}`)],
    ['no password', basic('admin')],
    ['an empty password', basic('admin:')],
    ['the hash in place of the password', basic(`admin:${cheapHash(password)}`)],
    ['another scheme', 'Bearer abc'],
    ['noise', 'Basic ***'],
    ['very much of it', basic(`admin:${'x'.repeat(5000)}`)],
  ])('refuses %s', async (_what, authorization) => {
    const { login } = open();
    expect(await login.judge({ address: '192.0.2.1', authorization })).toMatchObject({ kind: 'refused' });
  });

  it('tells a first request without credentials from a wrong one', async () => {
    const { login } = open();
    expect(await login.judge({ address: '192.0.2.1', authorization: undefined })).toEqual({
      kind: 'unknown',
    });
  });

  it('costs a check for a name that nobody has as well, so that answers do not say which exist', async () => {
    const { login, check } = open();
    await judge(login, 'nobody:guess');
    expect(check.count).toBe(1);
  });

  it('is checked once for the many requests of a page, and again after five minutes', async () => {
    const { login, check } = open();
    await Promise.all(Array.from({ length: 20 }, () => judge(login, 'viewer:looks')));
    await judge(login, 'viewer:looks');
    expect(check.count).toBe(1);
    nowMs += 300_001;
    await judge(login, 'viewer:looks');
    expect(check.count).toBe(2);
  });
});

describe('wrong logins', () => {
  it('are counted, and make their address wait: then not even the right password is looked at', async () => {
    const { login, check } = open();
    const counts: unknown[] = [];
    for (let guess = 0; guess < 5; guess += 1) counts.push(await judge(login, `admin:${guess}`));
    expect(counts).toEqual([1, 2, 3, 4, 5].map((count) => ({ kind: 'refused', count })));
    expect(await judge(login, `admin:${password}`)).toEqual({ kind: 'slowed', waitMs: 1000 });
    expect(check.count).toBe(5);
    expect(await judge(login, `admin:${password}`, '192.0.2.2')).toMatchObject({ kind: 'known' });
    nowMs += 1000;
    expect(await judge(login, `admin:${password}`)).toMatchObject({ kind: 'known' });
  });

  it('made at once are not all the first one', async () => {
    const { login, check } = open();
    const answers = await Promise.all(Array.from({ length: 30 }, (_, at) => judge(login, `admin:${at}`)));
    expect(answers.filter(({ kind }) => kind === 'slowed')).toHaveLength(25);
    expect(check.count).toBe(5);
  });

  it('of others behind the same address do not put out whoever is logged in', async () => {
    const { login } = open();
    await judge(login, `admin:${password}`);
    for (let guess = 0; guess < 6; guess += 1) await judge(login, `admin:${guess}`);
    expect(await judge(login, `admin:${password}`)).toMatchObject({ kind: 'known' });
  });
});

describe('accounts', () => {
  it('of the short form know the password by its SHA-256, and not that itself', async () => {
    const passwordSha256 = createHash('sha256').update(password).digest('hex');
    const settings = { login: { user: 'admin', passwordSha256 }, users: [] };
    const login = new BasicLogin({ accounts: await accountsOf(settings), monotonicMs: () => 0 });
    expect(await judge(login, `admin:${password}`)).toMatchObject({ actor: { role: 'operator' } });
    expect(await judge(login, `admin:${passwordSha256}`)).toMatchObject({ kind: 'refused' });
  });

  it('read the password from a file, and name the setting when they cannot', async () => {
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, `${password}\nsecond line\n`);
    const [account] = await accountsOf({ login: { user: 'admin', passwordFile }, users: [] });
    const login = new BasicLogin({ accounts: [account], monotonicMs: () => 0 });
    expect(await judge(login, `admin:${password}`)).toMatchObject({ kind: 'known' });
    await expect(
      accountsOf({ login: { user: 'admin', passwordFile: `${passwordFile}x` }, users: [] }),
    ).rejects.toThrow(/console\.login\.passwordFile/);
    await expect(
      accountsOf({ users: [{ name: 'a', passwordHashFile: passwordFile, role: 'viewer' }] }),
    ).rejects.toThrow(/console\.users\[0\]\.passwordHashFile: this is no scrypt hash/);
  });
});
