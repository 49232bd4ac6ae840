/** Users with a password, from the settings `console.users` and `console.login`. */
import { createHash } from 'node:crypto';
import { readSecretFile } from '@mailwheel/lifecycle';
import { hashPassword, readPasswordHash, type PasswordHash } from '@mailwheel/login';
import type { ConsoleLogin, ConsoleRole, ConsoleSettings, ConsoleUser } from '@mailwheel/settings';

export interface Account {
  readonly name: string;
  readonly role: ConsoleRole;
  readonly hash: PasswordHash;
  /** What of a password the hash is of. */
  readonly hashed: (password: string) => string;
}

/** Rejects with a sentence that names the setting whose file cannot be read or holds no hash. */
export async function readAccounts(
  settings: Pick<ConsoleSettings, 'login' | 'users'>,
): Promise<readonly Account[]> {
  const { login, users } = settings;
  const accounts = await Promise.all(users.map((user, at) => accountOf(user, `console.users[${at}]`)));
  return login === undefined ? accounts : [await accountOfLogin(login), ...accounts];
}

async function accountOf(user: ConsoleUser, setting: string): Promise<Account> {
  const { name, role, passwordHash, passwordHashFile } = user;
  const key = passwordHashFile === undefined ? 'passwordHash' : 'passwordHashFile';
  const text =
    passwordHashFile === undefined
      ? (passwordHash ?? '')
      : await readSecretFile(`${setting}.${key}`, passwordHashFile);
  const hash = readPasswordHash(text);
  if (hash === undefined) {
    throw new Error(
      `${setting}.${key}: this is no scrypt hash, or one that takes too much memory; make one with "mailwheel password hash"`,
    );
  }
  return { name, role, hash, hashed: (password) => password };
}

/**
 * Its password is hashed anew at each start, so that every account costs a guesser the same, and nobody can tell from the
 * time of an answer which names exist. Of a password that is given as SHA-256, it is that digest which is hashed.
 */
async function accountOfLogin({ user, passwordFile, passwordSha256 }: ConsoleLogin): Promise<Account> {
  const bySha256 = passwordFile === undefined;
  const secret = bySha256
    ? (passwordSha256 ?? '').toLowerCase()
    : await readSecretFile('console.login.passwordFile', passwordFile);
  const hash = readPasswordHash(await hashPassword(secret));
  if (hash === undefined) throw new Error('our own hash is none');
  return { name: user, role: 'operator', hash, hashed: bySha256 ? sha256 : (password) => password };
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
