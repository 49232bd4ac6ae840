import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLogin, visitorOf, type Login } from './login.ts';

const password = 'pa:ss wörd';
const passwordSha256 = createHash('sha256').update(password).digest('hex');
let login: Login | undefined;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-login-'));
  login = await readLogin({ login: { user: 'admin', passwordSha256 } });
});
afterAll(() => rm(folder, { recursive: true }));

function basic(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

describe('the login', () => {
  it('knows its user by the password, which may hold colons and any letters', () => {
    expect(visitorOf(login, basic(`admin:${password}`))).toEqual({ kind: 'known', name: 'admin' });
  });

  it.each([
    ['another password', basic('admin:other')],
    ['another user', basic(`root:${password}`)],
    ['no password', basic('admin')],
    ['the digest in place of the password', basic(`admin:${passwordSha256}`)],
    ['another scheme', 'Bearer abc'],
    ['noise', 'Basic ***'],
    ['very much of it', basic(`admin:${'x'.repeat(5000)}`)],
  ])('refuses %s', (_what, header) => {
    expect(visitorOf(login, header)).toEqual({ kind: 'refused' });
  });

  it('tells a first request without credentials from a wrong one', () => {
    expect(visitorOf(login, undefined)).toEqual({ kind: 'unknown' });
  });

  it('reads the password from a file, and names the setting when it cannot', async () => {
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, `${password}\nsecond line\n`);
    const fromFile = await readLogin({ login: { user: 'admin', passwordFile } });
    expect(visitorOf(fromFile, basic(`admin:${password}`)).kind).toBe('known');
    await expect(readLogin({ login: { user: 'admin', passwordFile: `${passwordFile}x` } })).rejects.toThrow(
      /console\.login\.passwordFile/,
    );
  });

  it('lets everybody in where none is configured', () => {
    expect(visitorOf(undefined, undefined)).toEqual({ kind: 'known', name: 'console' });
  });
});
