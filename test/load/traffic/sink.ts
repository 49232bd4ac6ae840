/** Postfix's smtp-sink: takes everything, keeps nothing. Its running counter, written to a file, says how much has come. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { start, type Started } from '../measure/processes.ts';

const program = '/usr/sbin/smtp-sink';
/** Connections that wait for accept; more than any row opens at once. */
const backlog = '512';
const connectionsMax = '1500';
const pollMs = 10;
const tailBytes = 200;

export interface Sink {
  readonly process: Started;
  readonly port: number;
  /** Messages that have come so far. */
  messages(): number;
  sessions(): number;
  /** Resolves with the moment (performance.now) at which the count was seen; rejects after `limitMs` without progress. */
  until(messages: number, limitMs?: number): Promise<number>;
}

export async function startSink(port: number, folder: string): Promise<Sink> {
  const outputFile = `${folder}/sink.out`;
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const process_ = await start(
    'sink',
    [program, ...user, '-c', '-m', connectionsMax, `127.0.0.1:${port}`, backlog],
    { outputFile },
  );
  const file = openSync(outputFile, 'r');
  process_.child.once('exit', () => closeSync(file));
  const counter = (): { sessions: number; messages: number } => {
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(tailBytes);
    const read = readSync(file, tail, 0, tailBytes, Math.max(0, size - tailBytes));
    const last = [...tail.toString('latin1', 0, read).matchAll(/sess=(\d+) quit=\d+ mesg=(\d+)\r/g)].at(-1);
    return { sessions: Number(last?.[1] ?? 0), messages: Number(last?.[2] ?? 0) };
  };
  await sleep(100);
  return {
    process: process_,
    port,
    messages: () => counter().messages,
    sessions: () => counter().sessions,
    until: async (messages, limitMs = 30_000) => {
      let last = -1;
      let progressMs = performance.now();
      for (;;) {
        const nowMs = performance.now();
        const { messages: come } = counter();
        if (come >= messages) return nowMs;
        if (come !== last) {
          last = come;
          progressMs = nowMs;
        }
        if (nowMs - progressMs > limitMs)
          throw new Error(`the sink has ${come} of ${messages} messages, and none came for ${limitMs} ms`);
        await sleep(pollMs);
      }
    },
  };
}
