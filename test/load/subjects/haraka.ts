/**
 * Haraka, outbound only, two processes. Installed into a folder beside the system's temporary ones at the first run and
 * kept there: it is no dependency of this project. It logs warnings only, and does not wait for the disk before its 250.
 */
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePorts } from '../measure/free-port.ts';
import { isListening } from '../measure/listening.ts';
import { start, untilReady } from '../measure/processes.ts';
import type { Running, Subject, Surroundings } from './subject.ts';

const version = '3.3.4';
const nodes = 2;
const installed = join(tmpdir(), `mailwheel-bench-haraka-${version}`);
const program = join(installed, 'node_modules/Haraka/bin/haraka');

const packaged = join(installed, 'node_modules/Haraka/config');

/** Undefined when Haraka is there or could be installed. */
export function harakaObstacle(): string | undefined {
  if (existsSync(program)) return undefined;
  try {
    const npm = join(dirname(process.execPath), 'npm');
    const words = ['install', '--prefix', installed, '--no-audit', '--no-fund', '--ignore-scripts'];
    execFileSync(existsSync(npm) ? npm : 'npm', [...words, `Haraka@${version}`], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `Haraka ${version} could not be installed with npm`;
  }
}

export const haraka: Subject = { name: `Haraka ${version}, ${nodes} processes`, start: startHaraka };

async function startHaraka({ folder, sinkPort }: Surroundings): Promise<Running> {
  const [port = 0] = await freePorts(1);
  const files: Record<string, string> = {
    'config/smtp.ini': `listen=127.0.0.1:${port}\nnodes=${nodes}\n`,
    'config/me': 'relay.test\n',
    'config/plugins': 'to_the_sink\n',
    'config/log.ini': '[main]\nlevel=warn\nformat=default\n',
    'config/outbound.ini': 'enable_tls=false\nconcurrency_max=100\n',
    'plugins/to_the_sink.js': plugin(sinkPort),
  };
  for (const name of ['config', 'plugins', 'queue']) await mkdir(join(folder, name));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  // Haraka has no defaults for this one in its code: without the file of its package it does not greet.
  await copyFile(join(packaged, 'connection.ini'), join(folder, 'config/connection.ini'));
  const server = await start('haraka', [process.execPath, program, '-c', folder], {
    outputFile: join(folder, 'haraka.log'),
    cwd: folder,
  });
  await untilReady(server, () => isListening(port) || undefined);
  return {
    port,
    processes: [server],
    leftovers: async () => {
      const waiting = readdirSync(join(folder, 'queue')).length;
      return waiting === 0 ? [] : [`Haraka still has ${waiting} messages in its queue`];
    },
    stop: () => server.end(),
  };
}

function plugin(sinkPort: number): string {
  return [
    "'use strict';",
    'exports.hook_connect = (next, connection) => { connection.relaying = true; next(); };',
    'exports.hook_mail = (next) => next(OK);',
    'exports.hook_rcpt = (next) => next(OK);',
    `exports.hook_get_mx = (next) => next(OK, { exchange: '127.0.0.1', port: ${sinkPort}, priority: 0 });`,
    '',
  ].join('\n');
}
