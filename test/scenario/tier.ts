/**
 * A whole tier for a scenario: a real Redis, and the roles as processes of their own, started as an operator starts them
 * (`mailwheel <role> --config FILE`). Times are short by configuration; scenarios wait for conditions.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  freePort,
  smtpSubmit,
  startRedis,
  waitFor,
  type SubmitOptions,
  type SubmitReplies,
  type TestRedis,
} from '@mailwheel/testkit';
import { stringify } from 'yaml';

const program = fileURLToPath(new URL('../../apps/cli/bin/mailwheel.mjs', import.meta.url));

export type RoleName = 'ingress' | 'worker' | 'console';
/** One JSON line of a role's log. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface RoleProcess {
  readonly role: RoleName;
  readonly child: ChildProcess;
  readonly lines: LogLine[];
  /** Address by listener name, from the ready line. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Everything that was written, for a failing test's message. */
  readonly output: () => string;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

export interface TierOptions {
  readonly workers?: number;
  readonly ingress?: boolean;
  readonly console?: boolean;
  readonly routes?: string;
  /** `routes` go into a file that `writeRoutes` replaces while the tier runs. */
  readonly routesFile?: boolean;
  /** Merged over the defaults of the scenarios; two levels deep. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly redis?: TestRedis;
  readonly redisArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Tier {
  readonly redis: TestRedis;
  readonly folder: string;
  readonly configPath: string;
  readonly roles: RoleProcess[];
  readonly smtpPort: number;
  readonly httpPort: number;
  readonly consolePort: number;
  /** `environment` is for this process alone, over that of the tier. */
  startRole(role: RoleName, environment?: Readonly<Record<string, string>>): Promise<RoleProcess>;
  workers(): RoleProcess[];
  /** Log lines of all roles whose `event` is this. */
  events(event: string): LogLine[];
  submit(options: Omit<SubmitOptions, 'port'>): Promise<SubmitReplies>;
  /** Replaces the routes file, as an editor does: a new file moved over the old one. */
  writeRoutes(text: string): Promise<void>;
  /** Metrics of one role as text. */
  metrics(role: RoleProcess): Promise<string>;
  /** Lines of a message's ledger and state, from the HTTP API. */
  message(id: string): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

const quick = {
  hostname: 'relay.test',
  retry: { firstWaitSeconds: 1, longestWaitSeconds: 4, jitter: 0 },
  hostHealth: { firstRestSeconds: 2, longestRestSeconds: 8, aloneRestSeconds: 2, restJitter: 0 },
  dns: { allowPrivate: true },
  log: { format: 'json', level: 'info', messages: 'all' },
};

export async function startTier(options: TierOptions = {}): Promise<Tier> {
  const redis =
    options.redis ??
    (await startRedis(options.redisArguments === undefined ? {} : { arguments: options.redisArguments }));
  const folder = await mkdtemp(join(tmpdir(), 'mailwheel-tier-'));
  const [smtpPort, httpPort, consolePort] = [await freePort(), await freePort(), await freePort()];
  const routesPath = join(folder, 'smtproutes.txt');
  const settings = merge(
    {
      ...quick,
      redis: { url: redis.url },
      ingress: {
        listen: '127.0.0.1:0',
        smtp: { listen: `127.0.0.1:${smtpPort}`, trustedNetworks: ['127.0.0.0/8'] },
        http: { listen: `127.0.0.1:${httpPort}`, insecure: true },
      },
      worker: { listen: '127.0.0.1:0' },
      console: { listen: `127.0.0.1:${consolePort}` },
      ...routesSetting(options, routesPath),
    },
    options.settings ?? {},
  );
  const configPath = join(folder, 'mailwheel.yaml');
  if (options.routesFile === true) await writeFile(routesPath, options.routes ?? '');
  await writeFile(configPath, stringify(settings));
  const roles: RoleProcess[] = [];
  const environment = options.environment ?? {};
  const tier: Tier = {
    redis,
    folder,
    configPath,
    roles,
    smtpPort,
    httpPort,
    consolePort,
    startRole: async (role, own = {}) => {
      const started = await startRole(role, { configPath, environment: { ...environment, ...own } });
      roles.push(started);
      return started;
    },
    workers: () =>
      roles.filter(
        (role) => role.role === 'worker' && role.child.exitCode === null && role.child.signalCode === null,
      ),
    events: (event) => roles.flatMap((role) => role.lines.filter((line) => line['event'] === event)),
    submit: async (submission) => smtpSubmit({ ...submission, port: smtpPort }),
    writeRoutes: async (text) => {
      await writeFile(`${routesPath}.new`, text);
      await rename(`${routesPath}.new`, routesPath);
    },
    metrics: async (role) => (await fetch(`http://${metricsAddress(role)}/metrics`)).text(),
    message: async (id) => {
      const answer = await fetch(`http://127.0.0.1:${httpPort}/v1/messages/${id}`);
      return (await answer.json()) as Record<string, unknown>;
    },
    stop: async () => {
      await Promise.all(roles.map((role) => role.kill('SIGKILL')));
      if (options.redis === undefined) await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    const wanted: RoleName[] = [];
    if (options.ingress !== false) wanted.push('ingress');
    for (let count = 0; count < (options.workers ?? 1); count += 1) wanted.push('worker');
    if (options.console === true) wanted.push('console');
    await Promise.all(wanted.map((role) => tier.startRole(role)));
    return tier;
  } catch (cause) {
    await tier.stop();
    throw cause;
  }
}

function routesSetting(options: TierOptions, routesPath: string): Record<string, unknown> {
  if (options.routesFile === true) return { routesFile: routesPath };
  return options.routes === undefined ? {} : { routes: options.routes };
}

async function startRole(
  role: RoleName,
  how: { readonly configPath: string; readonly environment: Readonly<Record<string, string>> },
): Promise<RoleProcess> {
  const child = spawn(process.execPath, [program, role, '--config', how.configPath], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...how.environment },
  });
  const lines: LogLine[] = [];
  let text = '';
  let rest = '';
  const take = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-200_000);
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part.startsWith('{')) lines.push(JSON.parse(part) as LogLine);
    }
  };
  child.stdout.on('data', take);
  child.stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-200_000);
  });
  const ready = await waitFor(
    `${role} to be ready`,
    () => {
      if (child.exitCode !== null) throw new Error(`${role} ended with ${child.exitCode}:\n${text}`);
      return lines.find((line) => line['event'] === 'ready');
    },
    20_000,
  ).catch((cause: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`${role} did not become ready:\n${text}`, { cause });
  });
  return {
    role,
    child,
    lines,
    addresses: addressesOf(ready),
    output: () => text,
    kill: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill(signal);
      await once(child, 'exit');
      return child.exitCode;
    },
  };
}

function addressesOf(ready: LogLine): Record<string, string> {
  const found = ready['addresses'];
  return typeof found === 'object' && found !== null ? (found as Record<string, string>) : {};
}

function metricsAddress(role: RoleProcess): string {
  const address = role.addresses['metrics'] ?? role.addresses['console'];
  if (address === undefined)
    throw new Error(`${role.role} told no address: ${JSON.stringify(role.addresses)}`);
  return address;
}

function merge(
  base: Record<string, unknown>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isTree(before) && isTree(value) ? merge(before, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `250 2.0.0 Ok: queued as m...` -> the message id; throws with the reply otherwise. */
export function messageIdOf(replies: SubmitReplies): string {
  const line = (replies.final ?? replies.data ?? replies.rcpt[0] ?? replies.mail).line;
  const id = /queued as (m[0-9a-z]+)/.exec(line)?.[1];
  if (id === undefined) throw new Error(`not accepted: ${line}`);
  return id;
}

/** Replaces the routes file and waits until ingress and workers have each taken the new table up, or refused it. */
export async function reloadRoutes(
  tier: Tier,
  text: string,
  outcome: 'routes-reloaded' | 'routes-refused' = 'routes-reloaded',
): Promise<void> {
  const told = (role: RoleProcess): number => role.lines.filter((line) => line['event'] === outcome).length;
  const readers = tier.roles.filter((role) => role.role !== 'console' && role.child.exitCode === null);
  const before = readers.map(told);
  await tier.writeRoutes(text);
  await waitFor(
    `every process to say ${outcome}`,
    () => readers.every((role, index) => told(role) > (before[index] ?? 0)),
    20_000,
  );
}
