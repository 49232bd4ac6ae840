/**
 * `node test/load/profile.ts [--messages 15000] [--top 25] [--keep FOLDER]`: mail passes through an ingress and a worker that
 * write CPU profiles, and the tables say where the time went, microseconds a message by module. A profiled process is slower.
 */
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCpuProfile } from './measure/cpu-profile.ts';
import { freePorts } from './measure/free-port.ts';
import { endAllOnInterrupt } from './measure/processes.ts';
import { census } from './measure/redis-server.ts';
import { slowLog, type ScriptCost } from './measure/slow-log.ts';
import { kept, of } from './rows/loads.ts';
import { mailwheel } from './subjects/mailwheel.ts';
import type { Running } from './subjects/subject.ts';
import { startSink, type Sink } from './traffic/sink.ts';
import { startSource } from './traffic/source.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const warmUpMessages = 3000;
const censusMessages = 400;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '15000' },
    top: { type: 'string', default: '25' },
    keep: { type: 'string' },
  },
});

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mailwheel-profile-'));
  const profiles = join(folder, 'profiles');
  try {
    for (const name of ['profiles', 'subject']) await mkdir(join(folder, name));
    const [sinkPort = 0] = await freePorts(1);
    const sink = await startSink(sinkPort, folder);
    const subject = mailwheel({ workers: 1, nodeWords: ['--cpu-prof', `--cpu-prof-dir=${profiles}`] });
    const running = await subject.start({ folder: join(folder, 'subject'), sinkPort });
    const messages = Number(values.messages);
    const send = sender(running, sink, folder);
    await send(warmUpMessages);
    await running.redis?.client.config('RESETSTAT');
    const from = nowUs();
    await send(messages);
    const to = nowUs();
    say(`${Math.round((messages * 1e6) / (to - from))} messages/s, both roles profiled\n`);
    if (running.redis !== undefined) {
      say(await redisCommands(running.redis.client.info.bind(running.redis.client), messages));
      const finish = await census(running.redis.port);
      await send(censusMessages);
      say(clientCommands((await finish()).byCommand));
      const written = await slowLog(running.redis.client);
      await send(censusMessages);
      say(scriptCosts(await written()));
    }
    await running.stop();
    await sink.process.end('SIGKILL');
    tell(profiles, { from, to, messages });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sender(running: Running, sink: Sink, folder: string): (messages: number) => Promise<void> {
  return async (messages) => {
    const before = sink.messages();
    const { sent } = await startSource(of(kept, messages), running.port, folder);
    await sent;
    await sink.until(before + messages);
  };
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

async function redisCommands(info: (section: string) => Promise<string>, messages: number): Promise<string> {
  const text = await info('commandstats');
  const lines = [...text.matchAll(/^cmdstat_(\S+?):calls=(\d+),usec=(\d+),usec_per_call=([\d.]+)/gm)]
    .map(([, name = '', calls, us, each]) => ({ name, calls: Number(calls), us: Number(us), each }))
    .filter(({ us }) => us / messages >= 0.5)
    .toSorted((a, b) => b.us - a.us)
    .map(({ name, calls, us, each }) => {
      const a = `${(calls / messages).toFixed(2)} calls a message`;
      return `  ${name.padEnd(16)} ${a.padEnd(24)} ${(us / messages).toFixed(1)} us a message, ${each} us each`;
    });
  return ['Redis, INFO commandstats (a script holds what it calls):', ...lines, ''].join('\n');
}

function clientCommands(byCommand: ReadonlyMap<string, number>): string {
  const lines = [...byCommand]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `  ${name.padEnd(24)} ${(count / censusMessages).toFixed(2)}`);
  return ['Commands of clients a message (MONITOR):', ...lines, ''].join('\n');
}

function scriptCosts(costs: readonly ScriptCost[]): string {
  const lines = costs
    .filter(({ microseconds }) => microseconds / censusMessages >= 0.5)
    .map(({ name, calls, microseconds }) => {
      const often = (calls / censusMessages).toFixed(2);
      const each = (microseconds / calls).toFixed(1);
      return `  ${name.padEnd(32)} ${often} calls, ${(microseconds / censusMessages).toFixed(1)} us a message, ${each} us each`;
    });
  return ['Cost of scripts in Redis (slow log, fsync not included):', ...lines, ''].join('\n');
}

function tell(profiles: string, of: { from: number; to: number; messages: number }): void {
  for (const file of readdirSync(profiles)) {
    const use = readCpuProfile(join(profiles, file), of.from, of.to);
    const each = (microseconds: number): string => (microseconds / of.messages).toFixed(1).padStart(7);
    if (values.keep !== undefined) {
      mkdirSync(values.keep, { recursive: true });
      copyFileSync(join(profiles, file), join(values.keep, file));
    }
    const isWorker = use.modules.some(({ name }) => name.startsWith('apps/worker'));
    say(`${isWorker ? 'worker' : 'ingress'}: ${each(use.busyMicroseconds).trim()} us a message`);
    for (const { name, microseconds } of use.modules)
      if (microseconds / of.messages >= 0.5) say(`${each(microseconds)}  ${name}`);
    say('  functions:');
    for (const { name, microseconds } of use.functions.slice(0, Number(values.top)))
      say(`${each(microseconds)}  ${name}`);
    say('');
  }
}

endAllOnInterrupt();
await main();
