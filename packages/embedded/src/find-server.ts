/**
 * Finds the Redis server program of this machine: `redis-server`, else `valkey-server`, on the PATH and where package
 * managers put daemons although the PATH of a user may leave it out.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedRedisError } from './errors.ts';

const programNames = ['redis-server', 'valkey-server'] as const;
const daemonFolders = [
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
] as const;
/** BullMQ and our scripts need 6.2; every Valkey is a descendant of Redis 7.2. */
const oldestRedisVersion = [6, 2] as const;

export interface RedisServerProgram {
  readonly program: string;
  readonly kind: 'redis' | 'valkey';
  /** `7.0.15`. */
  readonly version: string;
}

/**
 * Finds the server in the folders of `path` (a PATH value), then in the usual ones. Undefined: none is installed.
 * Rejects with `too-old` when the only one found is older than 6.2.
 */
export async function findRedisServer(path: string): Promise<RedisServerProgram | undefined> {
  const folders = [...new Set([...path.split(delimiter), ...daemonFolders])].filter(
    (folder) => folder !== '',
  );
  let tooOld: RedisServerProgram | undefined;
  for (const name of programNames) {
    for (const folder of folders) {
      const found = await examine(join(folder, name));
      if (found !== undefined && isRecent(found)) return found;
      tooOld ??= found;
    }
  }
  if (tooOld === undefined) return undefined;
  throw new EmbeddedRedisError(
    'too-old',
    `${tooOld.program} is Redis ${tooOld.version}; Mailwheel needs Redis 6.2 or Valkey. Install a newer one, or set redis.url.`,
  );
}

/** One sentence for a machine without Redis: `platform` is `process.platform`. */
export function installAdvice(platform: string): string {
  const command =
    platform === 'darwin' ? '"brew install redis"' : '"apt-get install redis-server" or "dnf install redis"';
  return `No redis-server or valkey-server was found on this machine: install one with ${command}, or set redis.url to a Redis you have.`;
}

/** The server program at `program`; undefined: nothing that runs here and tells its version. */
export async function examine(program: string): Promise<RedisServerProgram | undefined> {
  try {
    await access(program, constants.X_OK);
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 10_000 });
    const version = /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    if (version === undefined) return undefined;
    return { program, version, kind: /^valkey/i.test(stdout) ? 'valkey' : 'redis' };
  } catch {
    return undefined; // not there, not a program, or not one that runs here: the next folder may have a better one
  }
}

export function isRecent(found: RedisServerProgram): boolean {
  const [major = 0, minor = 0] = found.version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldestRedisVersion;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}
