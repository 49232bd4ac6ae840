/**
 * From the command line to checked settings: reads the file, lays the environment over it, and refuses what a role cannot
 * work with. Every mistake of one start is told at once, each as one sentence: where, which setting, what was expected.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import {
  missingFor,
  parseSettings,
  resolveFor,
  unsafeListeners,
  type Role,
  type Settings,
  type SettingsProblem,
  type WrittenSettings,
} from '@mailwheel/settings';

export interface ConfigurationRequest {
  /** `--config`; absent: everything has its default or comes from the environment. */
  readonly configPath?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly role: Role;
}

export type Configuration =
  | {
      readonly ok: true;
      /** Paths in it are absolute: relative ones counted from the folder of the file, or from the working folder. */
      readonly settings: Settings;
      /** Listeners that are open because `insecure: true` says so: to be shown in red. */
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Never rejects for what file and environment contain; an unreadable file is a problem like any other. */
export async function loadConfiguration(request: ConfigurationRequest): Promise<Configuration> {
  const { configPath, environment, role } = request;
  let yaml: string | undefined;
  try {
    yaml = configPath === undefined ? undefined : await readFile(configPath, 'utf8');
  } catch (error) {
    const reason = describeFileError(error);
    return { ok: false, problems: [`${configPath}: the settings file cannot be read: ${reason}`] };
  }
  const parsed = parseSettings({ yaml, environment });
  const sentence = (problem: SettingsProblem): string => problemSentence(problem, configPath);
  if (!parsed.ok) return { ok: false, problems: parsed.problems.map(sentence) };
  const exposed = unsafeListeners(parsed.settings, role);
  const problems = [
    ...missingFor(role, parsed.settings),
    ...exposed
      .filter((listener) => !listener.allowed)
      .map(({ path, listen, message }) => ({
        path,
        message: `${listen} is open to others: ${message}`,
        source: 'file' as const,
      })),
  ];
  if (problems.length > 0) return { ok: false, problems: problems.map(sentence) };
  const folder = configPath === undefined ? process.cwd() : dirname(resolve(configPath));
  return {
    ok: true,
    settings: resolveFor(role, withAbsolutePaths(parsed.settings, folder), { hostname: hostname() }),
    warnings: exposed.map(({ path, listen, message }) => `${path}: ${listen} is open to others: ${message}`),
  };
}

/** `mailwheel.yaml:12: ingress.smtp.listen: expected host:port, got 2525`. */
function problemSentence(problem: SettingsProblem, configPath: string | undefined): string {
  const file = configPath ?? 'settings';
  const place =
    problem.source === 'environment'
      ? `environment ${problem.variable ?? ''}`.trimEnd()
      : `${file}${problem.line === undefined ? '' : `:${problem.line}`}`;
  return [place, problem.path, problem.message].filter((part) => part !== '').join(': ');
}

function withAbsolutePaths(settings: WrittenSettings, folder: string): WrittenSettings {
  const absolute = (path: string): string => resolve(folder, path);
  const { redis } = settings;
  const nextHops = Object.entries(settings.nextHops).map(([key, hop]) => [
    key,
    hop.auth === undefined
      ? hop
      : { ...hop, auth: { ...hop.auth, passwordFile: absolute(hop.auth.passwordFile) } },
  ]);
  return {
    ...settings,
    dataFolder: absolute(settings.dataFolder),
    routesFile: optional(settings.routesFile, absolute),
    ingress: { ...settings.ingress, smtp: withAbsoluteSmtpPaths(settings.ingress.smtp, absolute) },
    redis: {
      ...redis,
      passwordFile: optional(redis.passwordFile, absolute),
      tls: optional(redis.tls, (tls) => ({
        ...tls,
        caFile: optional(tls.caFile, absolute),
        certificateFile: optional(tls.certificateFile, absolute),
        keyFile: optional(tls.keyFile, absolute),
      })),
      sentinel: optional(redis.sentinel, (sentinel) => ({
        ...sentinel,
        passwordFile: optional(sentinel.passwordFile, absolute),
      })),
    },
    console: {
      ...settings.console,
      login: optional(settings.console.login, (login) => ({
        ...login,
        passwordFile: optional(login.passwordFile, absolute),
      })),
      users: settings.console.users.map((user) => ({
        ...user,
        passwordHashFile: optional(user.passwordHashFile, absolute),
      })),
    },
    delivery: { ...settings.delivery, tlsCaFile: optional(settings.delivery.tlsCaFile, absolute) },
    nextHops: Object.fromEntries(nextHops) as WrittenSettings['nextHops'],
  };
}

function withAbsoluteSmtpPaths(
  smtp: WrittenSettings['ingress']['smtp'],
  absolute: (path: string) => string,
): WrittenSettings['ingress']['smtp'] {
  return {
    ...smtp,
    usersFile: optional(smtp.usersFile, absolute),
    tls: optional(smtp.tls, (tls) => ({
      ...tls,
      certificateFile: absolute(tls.certificateFile),
      keyFile: absolute(tls.keyFile),
      caFile: optional(tls.caFile, absolute),
    })),
  };
}

function optional<In, Out>(value: In | undefined, change: (value: In) => Out): Out | undefined {
  return value === undefined ? undefined : change(value);
}

/** `it does not exist`, for the errors a person can do something about; else the system's words. */
export function describeFileError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'EACCES') return 'this user may not read it';
  if (code === 'EISDIR') return 'it is a folder';
  return message;
}
