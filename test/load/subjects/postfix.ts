/**
 * Postfix of the Debian package, with its own configuration and queue folder, relaying everything to the sink. The settings
 * are its defaults but for what a relay in a benchmark needs; it logs to syslog, which costs it little where none runs.
 */
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { freePorts } from '../measure/free-port.ts';
import { isListening } from '../measure/listening.ts';
import { start, untilReady } from '../measure/processes.ts';
import type { Running, Subject, Surroundings } from './subject.ts';

const daemonFolder = '/usr/lib/postfix/sbin';
/** Sessions of the source and deliveries at once: above what any row uses, so that no limit of ours holds Postfix back. */
const processesMax = 250;
const destinationConcurrency = 20;

/** Undefined when Postfix cannot run here: its master wants root. */
export function postfixObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'Postfix needs root';
  try {
    execFileSync('/usr/sbin/postconf', ['-d', 'mail_version'], { stdio: 'ignore' });
  } catch {
    return 'Postfix is not installed';
  }
  return undefined;
}

export const postfix: Subject = { name: 'Postfix', start: startPostfix };

async function startPostfix({ folder, sinkPort }: Surroundings): Promise<Running> {
  const [port = 0] = await freePorts(1);
  const config = join(folder, 'etc');
  const queue = join(folder, 'queue');
  const data = join(folder, 'data');
  for (const path of [config, queue, data]) await mkdir(path, { mode: 0o755 });
  const owner = execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' });
  await chown(data, Number(owner), 0);
  await writeFile(join(config, 'main.cf'), mainConfiguration({ queue, data, sinkPort }));
  await writeFile(join(config, 'master.cf'), masterConfiguration(port));
  execFileSync('/usr/sbin/postfix', ['-c', config, 'check']); // makes the queue's folders
  // The master itself, not `postfix start`: so it is our child, and ends with us.
  const master = await start('postfix', [`${daemonFolder}/master`, '-c', config, '-s'], {
    outputFile: join(folder, 'postfix.log'),
  });
  await untilReady(master, () => isListening(port) || undefined);
  return {
    port,
    processes: [master],
    leftovers: () => leftovers(config),
    stop: () => master.end(),
  };
}

async function leftovers(config: string): Promise<string[]> {
  const listed = execFileSync('/usr/sbin/postqueue', ['-c', config, '-j'], { encoding: 'utf8' });
  const waiting = listed.split('\n').filter((line) => line !== '').length;
  return waiting === 0 ? [] : [`Postfix still has ${waiting} messages in its queue`];
}

function mainConfiguration(of: {
  readonly queue: string;
  readonly data: string;
  readonly sinkPort: number;
}): string {
  return [
    'compatibility_level = 3.6',
    `queue_directory = ${of.queue}`,
    `data_directory = ${of.data}`,
    'command_directory = /usr/sbin',
    `daemon_directory = ${daemonFolder}`,
    'mail_owner = postfix',
    'setgid_group = postdrop',
    'myhostname = relay.test',
    'mydestination =',
    'local_recipient_maps =',
    'alias_maps =',
    'mynetworks = 127.0.0.0/8',
    'inet_interfaces = 127.0.0.1',
    'inet_protocols = ipv4',
    `relayhost = [127.0.0.1]:${of.sinkPort}`,
    'smtp_dns_support_level = disabled',
    'smtp_host_lookup = native',
    'smtp_tls_security_level = none',
    'smtpd_tls_security_level = none',
    `default_process_limit = ${processesMax}`,
    `smtpd_client_connection_count_limit = ${processesMax}`,
    `default_destination_concurrency_limit = ${destinationConcurrency}`,
    `initial_destination_concurrency = ${destinationConcurrency}`,
    '',
  ].join('\n');
}

function masterConfiguration(port: number): string {
  const service = (name: string, type: string, isPrivate: string, rest: string): string =>
    `${name} ${type} ${isPrivate} - n ${rest}`;
  return [
    service(`127.0.0.1:${port}`, 'inet', 'n', '- - smtpd'),
    service('pickup', 'unix', 'n', '60 1 pickup'),
    service('cleanup', 'unix', 'n', '- 0 cleanup'),
    service('qmgr', 'unix', 'n', '300 1 qmgr'),
    service('rewrite', 'unix', '-', '- - trivial-rewrite'),
    service('bounce', 'unix', '-', '- 0 bounce'),
    service('defer', 'unix', '-', '- 0 bounce'),
    service('trace', 'unix', '-', '- 0 bounce'),
    service('verify', 'unix', '-', '- 1 verify'),
    service('flush', 'unix', 'n', '1000? 0 flush'),
    service('proxymap', 'unix', '-', '- - proxymap'),
    service('smtp', 'unix', '-', '- - smtp'),
    service('relay', 'unix', '-', '- - smtp'),
    service('showq', 'unix', 'n', '- - showq'),
    service('error', 'unix', '-', '- - error'),
    service('retry', 'unix', '-', '- - error'),
    service('discard', 'unix', '-', '- - discard'),
    service('anvil', 'unix', '-', '- 1 anvil'),
    service('scache', 'unix', '-', '- 1 scache'),
    '',
  ].join('\n');
}
