/** Postfix's smtp-source: sends a number of messages over a number of sessions, and ends. */
import { join } from 'node:path';
import { start, type Started } from '../measure/processes.ts';
import { writeRealistic, type Body } from './body.ts';

const program = '/usr/sbin/smtp-source';

const limitMs = 600_000;

export interface Load {
  readonly messages: number;
  readonly sessions: number;
  /** Connections are kept for many messages; otherwise each message has its own. */
  readonly kept: boolean;
  readonly body: Body;
}

export interface Sent {
  readonly seconds: number;
  /** Moments of performance.now. */
  readonly startedMs: number;
  readonly endedMs: number;
}

/** The words after the program's name: also printed, so that everybody can repeat a row by hand. */
export async function sourceWords(load: Load, port: number, folder: string): Promise<string[]> {
  const words = ['-s', String(load.sessions), '-m', String(load.messages)];
  if (load.kept) words.unshift('-d');
  if (load.body.kind === 'filler') words.push('-l', String(load.body.bytes));
  else {
    const file = join(folder, `realistic-${load.body.bytes}.eml`);
    await writeRealistic(file, load.body.bytes);
    words.push('-F', file);
  }
  return [...words, '-M', 'src.test', '-f', 's@src.test', '-t', 'r@dest.test', `127.0.0.1:${port}`];
}

/** Starts the source; `sent` resolves when it has ended, and rejects if it gave up. */
export async function startSource(
  load: Load,
  port: number,
  folder: string,
): Promise<{ readonly process: Started; readonly sent: Promise<Sent> }> {
  const words = await sourceWords(load, port, folder);
  const startedMs = performance.now();
  const source = await start('source', [program, ...words], { outputFile: join(folder, 'source.out') });
  // One that waits for a greeting that never comes would wait for ever.
  const timer = setTimeout(() => void source.end('SIGKILL'), limitMs);
  const sent = source.finished().then((code): Sent => {
    clearTimeout(timer);
    const endedMs = performance.now();
    if (code !== 0) throw new Error(`smtp-source ended with ${code}: ${source.output().slice(-500)}`);
    return { seconds: (endedMs - startedMs) / 1000, startedMs, endedMs };
  });
  sent.catch(() => undefined); // seen where it is awaited
  return { process: source, sent };
}
