/** compose.yaml and the systemd units: what of them can be judged without docker and without systemd. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { missingFor, parseSettings, unsafeListeners, type Role } from '@mailwheel/settings';
import { parse } from 'yaml';
import { assert, check, run, say } from '../report.ts';
import { deployFolder, projectFolder } from '../tools.ts';

interface Service {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly stop_grace_period?: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
}

const roles = ['ingress', 'worker', 'console'] as const;

export async function checkUnits(): Promise<void> {
  say('compose.yaml and systemd units');
  await check('compose.yaml starts each role with settings that Mailwheel takes', compose);
  await check('the image ignores the same files for docker and for podman', () => {
    const [podman, docker] = ['.containerignore', 'deploy/Containerfile.dockerignore'].map((path) =>
      readFileSync(`${projectFolder}${path}`, 'utf8'),
    );
    assert(podman === docker, '.containerignore and deploy/Containerfile.dockerignore differ');
  });
  await check('each unit starts a role that exists and waits longer than its drain', units);
  await check('systemd-analyze finds no fault in the units', async () => {
    const found = await run('sh', ['-c', 'command -v systemd-analyze'], { mayFail: true });
    if (found.code !== 0) return 'not checked: systemd-analyze is not on this machine';
    const paths = readdirSync(`${deployFolder}systemd`).map((name) => `${deployFolder}systemd/${name}`);
    const { all } = await run('systemd-analyze', ['verify', '--man=no', ...paths], { mayFail: true });
    const faults = all.split('\n').filter((line) => /Unknown|Failed to parse|Invalid/.test(line));
    assert(faults.length === 0, faults.join('\n'));
    return 'verified';
  });
}

function drainSeconds(role: Role, yaml: string, environment: Readonly<Record<string, string>> = {}): number {
  const parsed = parseSettings({ yaml, environment });
  assert(
    parsed.ok,
    parsed.ok ? '' : parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'),
  );
  const refused = [
    ...missingFor(role, parsed.settings).map(({ message }) => message),
    ...unsafeListeners(parsed.settings, role)
      .filter(({ allowed }) => !allowed)
      .map(({ message }) => message),
  ];
  assert(refused.length === 0, `${role} would not start: ${refused.join('; ')}`);
  return role === 'ingress' || role === 'worker' ? parsed.settings[role].drainSeconds : 0;
}

function compose(): void {
  const { services } = parse(readFileSync(`${deployFolder}compose.yaml`, 'utf8'), { merge: true }) as {
    services: Readonly<Record<string, Service>>;
  };
  const yaml = readFileSync(`${deployFolder}mailwheel.yaml`, 'utf8');
  for (const role of roles) {
    const service = services[role];
    assert(service !== undefined, `there is no service ${role}`);
    const drain = drainSeconds(role, yaml, service.environment);
    assert(
      service.command.join(' ') === `${role} --config /etc/mailwheel/mailwheel.yaml`,
      `${role} is called wrongly`,
    );
    assert(service.read_only === true, `the root of ${role} is writable`);
    const grace = seconds(service.stop_grace_period ?? '10s');
    assert(grace > drain + 15, `${role} is killed after ${grace} s, drains up to ${drain} s`);
    for (const volume of service.volumes ?? []) {
      const [from = ''] = volume.split(':');
      assert(existsSync(`${deployFolder}${from}`), `${role}: there is no ${from}`);
    }
    for (const port of service.ports ?? [])
      assert(port.startsWith('127.0.0.1:'), `${role} publishes ${port} to everybody`);
  }
}

function units(): void {
  const names = readdirSync(`${deployFolder}systemd`);
  assert(names.length === roles.length, `units: ${names.join(', ')}`);
  for (const name of names) {
    const text = readFileSync(`${deployFolder}systemd/${name}`, 'utf8');
    const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? '';
    const [, program = '', role = ''] = /mailwheel\/(\S+) (\w+) --config/.exec(value('ExecStart')) ?? [];
    assert(existsSync(`${projectFolder}${program}`), `${name}: there is no ${program}`);
    assert(
      roles.some((one) => one === role && name.includes(one)),
      `${name} starts ${role}`,
    );
    const drain = drainSeconds(role as Role, 'redis: { url: "redis://127.0.0.1:6379" }');
    assert(
      Number(value('TimeoutStopSec')) > drain + 15,
      `${name}: TimeoutStopSec is too short for ${drain} s`,
    );
  }
}

function seconds(duration: string): number {
  const [, amount, unit] = /^(\d+)(s|m)$/.exec(duration) ?? [];
  assert(amount !== undefined, `${duration} is no duration`);
  return Number(amount) * (unit === 'm' ? 60 : 1);
}
