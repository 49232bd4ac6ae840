/** `mailwheel password hash`: the hash for `console.users` and for the users file of the SMTP listeners. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { hashPassword } from '@mailwheel/login';
import { CommandFailure, type Invocation } from './command.ts';

/** Shorter ones are guessed even against scrypt. */
const charactersMin = 8;
const charactersMax = 500;

/** Never from an argument: those are in the shell's history and in the list of processes. */
export async function printPasswordHash(call: Invocation): Promise<number> {
  const password = process.stdin.isTTY ? await typed(call) : await firstLine();
  const { length } = password;
  if (length < charactersMin || length > charactersMax) {
    throw new CommandFailure(
      `A password has ${charactersMin} to ${charactersMax} characters, and this one has ${length}: give it as the first line of standard input.`,
    );
  }
  call.output.text(await hashPassword(password));
  return 0;
}

async function firstLine(): Promise<string> {
  const reader = createInterface({ input: process.stdin });
  try {
    for await (const line of reader) return line;
    return '';
  } finally {
    reader.close();
  }
}

/** Twice, for nobody sees what they type. */
async function typed(call: Invocation): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    call.errors.text('Password:');
    const password = await reader.question('');
    call.errors.text('Once more:');
    if ((await reader.question('')) !== password) throw new CommandFailure('The two passwords differ.');
    return password;
  } finally {
    reader.close();
  }
}
