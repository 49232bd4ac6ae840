/** One sample of mail passing through a subject: warm-up, the measured load, what it cost, what it left behind. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../measure/free-port.ts';
import { cpuSeconds, residentMegabytes, type Watched } from '../measure/processes.ts';
import { census } from '../measure/redis-server.ts';
import type { Running, Subject } from '../subjects/subject.ts';
import { startSink, type Sink } from '../traffic/sink.ts';
import { startSource, type Load } from '../traffic/source.ts';
import type { RunContext, Sample } from './row.ts';

export interface Passage {
  readonly subject: Subject;
  readonly load: Load;
  /** `accepted`: until the source has its last 250; nothing is delivered. `delivered`: until the sink has everything. */
  readonly until: 'accepted' | 'delivered';
  /** Sent before the measurement, for compilers and pools to get warm. */
  readonly warmUpMessages: number;
}

/** Messages sent under MONITOR after the measurement, to count what clients ask of Redis. */
const censusMessages = 400;
const lateMs = 300;

export async function pass(passage: Passage, context: RunContext): Promise<Sample> {
  const { subject, until } = passage;
  const messages = Math.max(passage.load.sessions * 5, Math.round(passage.load.messages * context.scale));
  const [sinkPort = 0] = await freePorts(1);
  const sink = await startSink(sinkPort, context.folder);
  const subjectFolder = join(context.folder, 'subject');
  await mkdir(subjectFolder);
  await chmod(context.folder, 0o755); // Postfix's processes run as another user
  let running: Running | undefined;
  try {
    running = await subject.start({ folder: subjectFolder, sinkPort });
    const run = { passage, context, running, sink };
    const warmUp = Math.min(passage.warmUpMessages, messages);
    await send(run, warmUp);
    await sleep(lateMs);
    const measured = await measure(run, messages);
    const counted = running.redis === undefined ? undefined : await count(run, running.redis);
    const expected = warmUp + messages + (counted === undefined ? 0 : censusMessages);
    const failures = until === 'accepted' ? [] : await complaints(run, expected);
    const redis =
      measured.redis === undefined || counted === undefined
        ? {}
        : { redis: { ...measured.redis, clientCommands: counted } };
    return { ...measured.sample, ...redis, failures };
  } finally {
    await running?.stop();
    await sink.process.end('SIGKILL');
  }
}

interface Run {
  readonly passage: Passage;
  readonly context: RunContext;
  readonly running: Running;
  readonly sink: Sink;
}

/** Sends, and waits until all of it has come through; the seconds of both. */
async function send(
  { passage, context, running, sink }: Run,
  messages: number,
): Promise<{ acceptedSeconds: number; seconds: number; sourceCpuSeconds: number }> {
  const before = sink.messages();
  const ownBefore = cpuSeconds(process.pid) - cpuOfLiving(running, sink);
  const { sent } = await startSource({ ...passage.load, messages }, running.port, context.folder);
  const { startedMs, endedMs } = await sent;
  // The source has ended: what children of this process cost grew by its share, and by our own.
  const sourceCpuSeconds = cpuSeconds(process.pid) - cpuOfLiving(running, sink) - ownBefore;
  const throughMs = passage.until === 'accepted' ? endedMs : await sink.until(before + messages);
  return {
    acceptedSeconds: (endedMs - startedMs) / 1000,
    seconds: (throughMs - startedMs) / 1000,
    sourceCpuSeconds,
  };
}

function cpuOfLiving(running: Running, sink: Sink): number {
  return [...running.processes, sink.process].reduce((sum, { processId }) => sum + cpuSeconds(processId), 0);
}

async function measure(
  run: Run,
  messages: number,
): Promise<{
  sample: Omit<Sample, 'redis' | 'failures'>;
  redis?: Omit<NonNullable<Sample['redis']>, 'clientCommands'>;
}> {
  const { running, sink, passage } = run;
  const watched: readonly Watched[] = [...running.processes, sink.process];
  await running.redis?.reset();
  const before = watched.map(({ processId }) => cpuSeconds(processId));
  const sent = await send(run, messages);
  const cpuMicroseconds: Record<string, number> = {};
  for (const [at, { name, processId }] of watched.entries()) {
    const spent = ((cpuSeconds(processId) - (before[at] ?? 0)) * 1e6) / messages;
    cpuMicroseconds[name] = (cpuMicroseconds[name] ?? 0) + spent;
  }
  cpuMicroseconds['source and bench'] = (sent.sourceCpuSeconds * 1e6) / messages;
  const usage = await running.redis?.usage();
  const perSecond = messages / sent.seconds;
  return {
    sample: {
      messages,
      perSecond,
      ...(passage.until === 'accepted' ? {} : { acceptedPerSecond: messages / sent.acceptedSeconds }),
      cpuMicroseconds,
      residentMegabytes: residents(watched),
    },
    ...(usage === undefined
      ? {}
      : {
          redis: {
            commandsRun: usage.commandsRun / messages,
            commandMicroseconds: usage.commandMicroseconds / messages,
          },
        }),
  };
}

function residents(watched: readonly Watched[]): Record<string, number> {
  const megabytes: Record<string, number> = {};
  for (const { name, processId } of watched)
    megabytes[name] = Math.max(megabytes[name] ?? 0, residentMegabytes(processId));
  return megabytes;
}

async function count(run: Run, redis: NonNullable<Running['redis']>): Promise<number> {
  const finish = await census(redis.port);
  await send(run, censusMessages);
  const { total } = await finish();
  return total / censusMessages;
}

/** After everything came: nothing may come twice, and nothing be left. */
async function complaints({ running, sink }: Run, expected: number): Promise<string[]> {
  const left = (await running.leftovers?.()) ?? [];
  await sleep(lateMs);
  const come = sink.messages();
  return come === expected ? left : [`${come} messages came of ${expected} that were accepted`, ...left];
}
