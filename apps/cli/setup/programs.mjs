/** Running other programs: to their end, or in our place. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the project. */
export const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const binaries = join(root, 'node_modules', '.bin');
/** The Node that the project brings (npm package `node`). */
export const projectNode = join(binaries, 'node');

/** The environment for what we run: the project's programs first, daemons' folders too, no questions to home. */
export function environment() {
  // oxlint-disable-next-line node/no-process-env -- the set-up has no settings, only surroundings
  const surroundings = process.env;
  return {
    ...surroundings,
    PATH: [binaries, surroundings.PATH ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter),
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
  };
}

/**
 * Runs a program to its end. Never rejects: what cannot be started ended with code 127.
 * @param {string} program
 * @param {readonly string[]} words
 * @param {{ quiet?: boolean, shell?: boolean, limitMs?: number }} [how] quiet: the output is collected, not shown;
 *   limitMs: then it is ended, with code 124
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(program, words, how = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      cwd: root,
      env: environment(),
      shell: how.shell === true,
      stdio: how.quiet === true ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    });
    const release = passSignals(child);
    let overdue = false;
    const limit =
      how.limitMs === undefined
        ? undefined
        : setTimeout(() => {
            overdue = true;
            child.kill('SIGKILL');
          }, how.limitMs);
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    const end = (code) => {
      release();
      clearTimeout(limit);
      resolve({ code: overdue ? 124 : code, output });
    };
    child.once('error', (error) => {
      output += error.message;
      end(127);
    });
    child.once('close', (code, signal) => end(code ?? 128 + constants.signals[signal]));
  });
}

/**
 * Runs the project's Node in our place: same terminal, same signals, same exit code.
 * @param {readonly string[]} words
 */
export async function handOver(words) {
  const { code } = await run(projectNode, words);
  process.exitCode = code;
}

/** While a child runs, a Ctrl-C is its business: we wait for what it makes of it. */
function passSignals(child) {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const handlers = signals.map((signal) => () => child.kill(signal));
  signals.forEach((signal, index) => process.on(signal, handlers[index]));
  return () => signals.forEach((signal, index) => process.off(signal, handlers[index]));
}
