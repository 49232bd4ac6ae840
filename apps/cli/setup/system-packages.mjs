/**
 * Programs that npm does not bring: the Redis server, and for the tests the tools that judge us from outside. Installed
 * with apt-get where that needs no question (root, or sudo without a password); elsewhere one sentence says what to do.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { environment, run } from './programs.mjs';
import { say, sayWhile } from './say.mjs';

/** How to see that a tool is there, and the Debian package that brings it. */
const testTools = [
  {
    name: 'Redis server',
    debian: 'redis-server',
    present: async () => (await findRedisServer()) !== undefined,
  },
  {
    name: 'smtp-source and smtp-sink',
    debian: 'postfix',
    present: async () => onPath('smtp-sink') !== undefined,
  },
  {
    name: 'Chromium',
    debian: 'chromium',
    present: async () =>
      ['chromium', 'chromium-browser', 'google-chrome'].some((name) => onPath(name) !== undefined),
  },
  {
    name: 'flufl.bounce (Python)',
    debian: 'python3-flufl.bounce',
    present: () => succeeds('/usr/bin/python3', ['-c', 'import flufl.bounce']),
  },
  {
    name: 'Sisimai (Perl)',
    debian: 'libsisimai-perl',
    present: () => succeeds('perl', ['-MSisimai', '-e', '1']),
  },
  { name: 'OpenSSL', debian: 'openssl', present: async () => onPath('openssl') !== undefined },
];

/** Path of redis-server or valkey-server; undefined: neither is installed. */
export async function findRedisServer() {
  return onPath('redis-server') ?? onPath('valkey-server');
}

/** Installs a Redis server if there is none. Ends the process with one sentence when that cannot be done. */
export async function requireRedisServer() {
  if ((await findRedisServer()) !== undefined) return;
  await install(['redis-server']);
  if ((await findRedisServer()) !== undefined) return;
  console.error(
    'Mailwheel needs redis-server or valkey-server, and it could not be installed without asking: install it with "sudo apt-get install redis-server", "sudo dnf install redis" or "brew install redis", and start again.',
  );
  process.exit(1);
}

/** Installs the tools that tests use; says which are missing where that is not possible. */
export async function requireTestTools() {
  const missing = await absent(testTools);
  if (missing.length === 0) return;
  await install(missing.map((tool) => tool.debian));
  for (const tool of await absent(missing)) {
    say(`${tool.name} is not installed (Debian package ${tool.debian}): the tests that need it will fail.`);
  }
}

async function absent(tools) {
  const present = await Promise.all(tools.map((tool) => tool.present()));
  return tools.filter((_, index) => !present[index]);
}

/**
 * One run of apt-get as root. Nothing that it installs may start a daemon here: policy-rc.d is Debian's way to say so.
 * The package lists are fetched only when the install does not succeed with those that are there.
 */
const installScript = `
set -e
export DEBIAN_FRONTEND=noninteractive
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections 2>/dev/null || true
try() { apt-get install -y -qq --no-install-recommends "$@"; }
try "$@" || { apt-get update -qq && try "$@"; }
`;

async function install(packages) {
  if (onPath('apt-get') === undefined) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !(await succeeds('sudo', ['-n', 'true']))) return;
  const done = sayWhile(`Installing ${packages.join(', ')} with apt-get`);
  const words = ['sh', '-c', installScript, 'install', ...packages];
  const [program, ...rest] = isRoot ? words : ['sudo', '-n', ...words];
  const { code, output } = await run(program, rest, { quiet: true });
  done();
  if (code !== 0)
    say(`apt-get failed (exit code ${code}):\n${output.trimEnd().split('\n').slice(-8).join('\n')}`);
}

async function succeeds(program, words) {
  return (await run(program, words, { quiet: true })).code === 0;
}

function onPath(name) {
  return environment()
    .PATH.split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}
