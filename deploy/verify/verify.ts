/**
 * `npm run verify:deploy`: everything in deploy/ that can be checked without a cluster and without an image registry. Words
 * name the parts to run (chart, units, prometheus, container); none: all of them.
 */
import { existsSync, statSync } from 'node:fs';
import { assert, check, run, say, summary } from './report.ts';
import { verifyFolder } from './tools.ts';

const workFolder = '/var/tmp/mailwheel-verify';

/** A part, the programs it needs beside Node, and the Debian packages that have them. */
interface Part {
  readonly programs: Readonly<Record<string, string>>;
  readonly act: () => Promise<void>;
}

const redis = { 'redis-server': 'redis-server' };
const parts: Readonly<Record<string, Part>> = {
  chart: {
    programs: { ...redis, python3: 'python3' },
    act: async () => (await import('./chart/check.ts')).checkChart(),
  },
  units: {
    programs: {},
    act: async () => (await import('./units/check.ts')).checkUnits(),
  },
  prometheus: {
    programs: { ...redis, prometheus: 'prometheus', promtool: 'prometheus' },
    act: async () => (await import('./prometheus/check.ts')).checkPrometheus(),
  },
  container: {
    programs: { ...redis, buildah: 'buildah', podman: 'podman', runc: 'runc' },
    act: async () => (await import('./container/check.ts')).checkContainers(workFolder),
  },
};

/** Installs what is missing where that needs no question; otherwise says what to install. */
async function providePrograms(programs: Readonly<Record<string, string>>): Promise<void> {
  const missing = async (): Promise<string[]> => {
    const found = await run('sh', [
      '-c',
      `for p in ${Object.keys(programs).join(' ')}; do command -v $p; done; true`,
    ]);
    const names = found.stdout.split('\n').map((path) => path.slice(path.lastIndexOf('/') + 1));
    return Object.keys(programs).filter((program) => !names.includes(program));
  };
  const packages = [...new Set((await missing()).map((program) => programs[program] ?? program))];
  if (packages.length === 0) return;
  const sentence = `install ${packages.join(', ')} (apt-get install ${packages.join(' ')})`;
  assert(process.getuid?.() === 0 && existsSync('/usr/bin/apt-get'), sentence);
  const apt = ['-qq', '-o', 'DPkg::Lock::Timeout=300'];
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', [...apt, 'update'], { environment, mayFail: true });
  await run('apt-get', [...apt, 'install', '-y', '--no-install-recommends', ...packages], { environment });
  assert((await missing()).length === 0, sentence);
}

const words = process.argv.slice(2);
const unknown = words.filter((word) => parts[word] === undefined);
if (unknown.length > 0)
  throw new Error(`there is no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);

const prepared = await check('tools of deploy/verify are installed', async () => {
  const installed = `${verifyFolder}node_modules/.package-lock.json`;
  const lock = `${verifyFolder}package-lock.json`;
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs)
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: verifyFolder });
  return 'npm';
});
if (prepared !== undefined) {
  for (const name of words.length > 0 ? words : Object.keys(parts)) {
    const part = parts[name];
    if (part === undefined) continue;
    say('');
    const provided = await check(`${name}: programs are there`, async () => {
      await providePrograms(part.programs);
      return Object.keys(part.programs).join(' ');
    });
    if (provided !== undefined) await part.act();
  }
}
summary();
