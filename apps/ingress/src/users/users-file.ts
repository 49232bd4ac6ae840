/**
 * The users file: who may log in. One user a line, `#` begins a comment line:
 *
 *     name:$scrypt$ln=15,r=8,p=3$<salt>$<hash> from=*@a.example,b@c.example messages=100 recipients=1000
 *
 * The words after the hash are optional. A file with a bad line is refused whole: half of it would lock people out, or
 * leave somebody in whose line was meant to change. No message repeats what stands in the file but names.
 */
import { readPasswordHash, type PasswordHash } from '@mailwheel/login';

export interface User {
  readonly name: string;
  readonly password: PasswordHash;
  /** Reverse-paths it may use, `*` standing for any characters; absent: all. */
  readonly from?: readonly string[];
  /** Absent: what the settings say. 0: no limit. */
  readonly messagesPerMinuteMax?: number;
  readonly recipientsPerMinuteMax?: number;
}

export type UsersFile =
  | { readonly ok: true; readonly users: ReadonlyMap<string, User> }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Memory of one password check; two run at a time. */
const scryptBytesMax = 64 * 1024 * 1024;
const usersMax = 100_000;
const problemsMax = 20;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/;

/** Reads the whole file; every problem is `line 3: ...`. */
export function parseUsers(text: string): UsersFile {
  const users = new Map<string, User>();
  const problems: string[] = [];
  for (const [index, written] of text.split('\n').entries()) {
    const line = written.trim();
    if (line === '' || line.startsWith('#')) continue;
    const user = parseUser(line);
    const problem =
      typeof user === 'string'
        ? user
        : users.has(user.name)
          ? `the user "${user.name}" is there twice`
          : users.size >= usersMax
            ? `more than ${usersMax} users`
            : undefined;
    if (problem !== undefined) problems.push(`line ${index + 1}: ${problem}`);
    else if (typeof user !== 'string') users.set(user.name, user);
    if (problems.length >= problemsMax) break;
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, users };
}

function parseUser(line: string): User | string {
  const [credentials = '', ...words] = line.split(/\s+/);
  const colon = credentials.indexOf(':');
  const name = credentials.slice(0, Math.max(colon, 0));
  if (!namePattern.test(name)) {
    return 'expected name:$scrypt$..., the name of letters, digits and . _ @ + - (at most 128)';
  }
  const password = parseHash(credentials.slice(colon + 1));
  if (typeof password === 'string') return `${name}: ${password}`;
  const user: { -readonly [Key in keyof User]: User[Key] } = { name, password };
  for (const word of words) {
    const [, key = '', value = ''] = /^(from|messages|recipients)=(.+)$/.exec(word) ?? [];
    if (key === 'from') {
      const patterns = value.split(',');
      if (!patterns.every((pattern) => /^[^\s<>,]{1,320}$/.test(pattern)))
        return `${name}: from= is no list of addresses`;
      user.from = patterns;
    } else if (key !== '' && /^\d{1,8}$/.test(value)) {
      user[key === 'messages' ? 'messagesPerMinuteMax' : 'recipientsPerMinuteMax'] = Number(value);
    } else {
      return `${name}: after the hash only from=, messages= and recipients= are known`;
    }
  }
  return user;
}

function parseHash(text: string): PasswordHash | string {
  const hash = readPasswordHash(text);
  if (hash === undefined) return 'this is no hash of a password; make one with "mailwheel password hash"';
  const { costLog2, blockSize } = hash;
  if (costLog2 < 14 || blockSize < 8) return 'the hash is too cheap to be safe; use at least ln=14,r=8,p=1';
  return 128 * blockSize * 2 ** costLog2 > scryptBytesMax
    ? 'the hash is too dear to check at every login; use at most ln=16,r=8 (64 MiB)'
    : hash;
}
