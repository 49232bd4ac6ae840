/**
 * What the data folder of the embedded Redis holds beside Redis's own files: the password, the port that is kept so that
 * a running server can be found again, and the configuration file. All are readable by their owner only.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, readlink, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A log longer than this is set aside (one older one is kept) when the server is started. */
const logBytesMax = 10_000_000;

export interface RedisFolder {
  /** Real path: what Redis itself answers to `CONFIG GET dir`. */
  readonly path: string;
  readonly passwordFile: string;
  readonly configFile: string;
  readonly logFile: string;
  readonly password: string;
}

export interface RedisConfiguration {
  readonly port: number;
  readonly maxmemoryBytes: number;
}

/** Makes the folder and its password when they are missing. */
export async function openRedisFolder(path: string): Promise<RedisFolder> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return describe(await realpath(path));
}

/** The folder as it is; undefined when no embedded Redis was ever started in it. Changes nothing. */
export async function existingRedisFolder(path: string): Promise<RedisFolder | undefined> {
  const real = await unlessMissing(realpath(path));
  if (real === undefined) return undefined;
  const known = await unlessMissing(stat(join(real, 'password')));
  return known === undefined ? undefined : describe(real);
}

async function describe(path: string): Promise<RedisFolder> {
  const passwordFile = join(path, 'password');
  return {
    path,
    passwordFile,
    configFile: join(path, 'redis.conf'),
    logFile: join(path, 'redis.log'),
    password: await readOrMakePassword(passwordFile),
  };
}

/** The port the server of this folder was last started with; undefined: never. */
export async function keptPort(folder: RedisFolder): Promise<number | undefined> {
  const text = await unlessMissing(readFile(join(folder.path, 'port'), 'utf8'));
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

/** Writes port and configuration, each as a whole: a crash leaves the old file or the new one. */
export async function writeConfiguration(
  folder: RedisFolder,
  configuration: RedisConfiguration,
): Promise<void> {
  await replaceFile(join(folder.path, 'port'), `${configuration.port}\n`);
  await replaceFile(folder.configFile, configurationText(folder, configuration));
  const log = await unlessMissing(stat(folder.logFile));
  if (log !== undefined && log.size > logBytesMax) await rename(folder.logFile, `${folder.logFile}.old`);
}

/**
 * `appendfsync always`: a 250 means that the message is on the disk. `noeviction` with a limit: a full store is refused,
 * never thinned out. `save ""`: the append-only file is the one copy. One database, because BullMQ uses no other.
 */
function configurationText(folder: RedisFolder, configuration: RedisConfiguration): string {
  return [
    '# Written by Mailwheel at each start; changes are lost.',
    'bind 127.0.0.1',
    'protected-mode yes',
    `port ${configuration.port}`,
    `requirepass ${folder.password}`,
    `dir ${quoted(folder.path)}`,
    `logfile ${quoted(folder.logFile)}`,
    `pidfile ${quoted(join(folder.path, 'redis.pid'))}`,
    'daemonize no',
    'databases 1',
    'save ""',
    'appendonly yes',
    'appendfsync always',
    'aof-load-truncated yes',
    `maxmemory ${configuration.maxmemoryBytes}`,
    'maxmemory-policy noeviction',
    '',
  ].join('\n');
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/**
 * Process id of a Redis that works in this folder although its port may not answer (starting, hanging, another password).
 * Only Linux tells a process's working folder; elsewhere the kept port is the only witness.
 */
export async function processInFolder(folder: RedisFolder): Promise<number | undefined> {
  const pid = Number(await unlessMissing(readFile(join(folder.path, 'redis.pid'), 'utf8')));
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === folder.path ? pid : undefined;
  } catch {
    return undefined; // gone, a zombie, not ours to look at, or no /proc here
  }
}

/** The last lines of the server's log after `fromBytes`: why it died. */
export async function logTail(folder: RedisFolder, lines: number): Promise<string> {
  const text = (await unlessMissing(readFile(folder.logFile, 'utf8'))) ?? '';
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

async function readOrMakePassword(file: string): Promise<string> {
  const known = await unlessMissing(readFile(file, 'utf8'));
  if (known !== undefined && known.trim() !== '') {
    await chmod(file, 0o600);
    return known.trim();
  }
  await replaceFile(file, `${randomBytes(24).toString('hex')}\n`);
  return (await readFile(file, 'utf8')).trim();
}

async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  await writeFile(draft, text, { mode: 0o600 });
  const handle = await open(draft, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
