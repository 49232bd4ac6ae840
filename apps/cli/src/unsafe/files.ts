/** Files that hold secrets, and the folder that holds mail: whether others may read or change them. */
import { stat } from 'node:fs/promises';
import { describeFileError } from '@mailwheel/lifecycle';
import { formatPath, type SettingsPath } from '@mailwheel/settings';
import { unsafe, type Warning } from './warning.ts';

/** Settings whose file is secret: what they hold opens something. `usersFile`: hashes, which can be guessed at. */
const secretKeys: ReadonlySet<string> = new Set(['passwordFile', 'passwordHashFile', 'keyFile', 'usersFile']);
/** Settings whose file or folder others must not change. */
const writtenByUs: ReadonlySet<string> = new Set(['routesFile', 'caFile', 'tlsCaFile', 'certificateFile']);

const othersRead = 0o004;
const othersWrite = 0o002;
const anybodyElse = 0o077;

/**
 * Warns of every file in `settings` that everybody may read or write. The group may: that is how Kubernetes and Docker mount
 * secrets, and on many systems a user's group has nobody else in it. `configPath`: a settings file that others may write is theirs.
 */
export async function fileWarnings(settings: object, configPath: string | undefined): Promise<Warning[]> {
  const named = filesOf(settings, []);
  const warnings = await Promise.all(named.map(({ path, key, file }) => judge(formatPath(path), key, file)));
  const own = configPath === undefined ? [] : await writable(configPath, configPath);
  return [...own, ...warnings.flat()];
}

interface NamedFile {
  readonly path: SettingsPath;
  readonly key: string;
  readonly file: string;
}

/** By the name of the key, so that a setting that comes later is looked at as well. */
function filesOf(value: unknown, path: SettingsPath): NamedFile[] {
  if (Array.isArray(value)) return value.flatMap((entry, at) => filesOf(entry, [...path, at]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => {
    const here = [...path, key];
    if (typeof entry !== 'string') return filesOf(entry, here);
    const named = secretKeys.has(key) || writtenByUs.has(key) || key === 'dataFolder';
    return named ? [{ path: here, key, file: entry }] : [];
  });
}

async function judge(path: string, key: string, file: string): Promise<Warning[]> {
  if (key === 'dataFolder') return folder(path, file);
  if (!secretKeys.has(key)) return writable(path, file);
  const mode = await modeOf(path, file);
  if (typeof mode !== 'number') return mode;
  if ((mode & othersRead) !== 0)
    return [unsafe(path, `Everybody on this machine may read the secret in ${file}: chmod o-rwx it.`)];
  return writable(path, file);
}

async function writable(path: string, file: string): Promise<Warning[]> {
  const mode = await modeOf(path, file);
  if (typeof mode !== 'number') return mode;
  return (mode & othersWrite) === 0
    ? []
    : [
        unsafe(
          path,
          `Everybody on this machine may change ${file}, and with it what Mailwheel does: chmod o-w it.`,
        ),
      ];
}

/** It holds the embedded Redis, and so all mail. Absent until the first `up`, which makes it private. */
async function folder(path: string, file: string): Promise<Warning[]> {
  const mode = await modeOf(path, file);
  if (typeof mode !== 'number') return [];
  return (mode & anybodyElse) === 0
    ? []
    : [unsafe(path, `Others may look into ${file}, where mail is kept: chmod 700 it.`)];
}

async function modeOf(path: string, file: string): Promise<number | Warning[]> {
  try {
    return (await stat(file)).mode;
  } catch (error) {
    return [unsafe(path, `${file} cannot be looked at: ${describeFileError(error)}.`)];
  }
}
