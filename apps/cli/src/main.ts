/**
 * `mailwheel`: one program for every role and every operator's act. This file reads the command line against the table in
 * `command-table.ts` and turns what goes wrong into one sentence and an exit code: 0 done, 1 failed, 2 wrongly called.
 */
import { commandTable, helpText } from './command-table.ts';
import { CommandFailure, findCommand, readArguments, usage, UsageError } from './command.ts';
import { Output } from './output.ts';

/** Runs the command named by `words` (the command line after the program). Sets the exit code; never rejects. */
export async function main(words: readonly string[]): Promise<void> {
  const output = new Output(process.stdout);
  const errors = new Output(process.stderr, 'pretty');
  // A reader that went away (`mailwheel queue list | head`, a closed terminal) is no reason to end a role.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    const code = await runCommand(words, output, errors);
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    errors.text(errors.style('red', describe(error)));
    // Not just an exit code: a role that failed half-way through its start holds sockets that would keep it alive.
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

async function runCommand(
  words: readonly string[],
  output: Output,
  errors: Output,
): Promise<number | undefined> {
  const [first] = words;
  if (first === undefined || first === '--help' || first === '-h') {
    output.text(helpText());
    return first === undefined ? 2 : 0;
  }
  const command = findCommand(commandTable, words);
  if (command === undefined) {
    const alike = commandTable.filter((known) => known.words[0] === first);
    const known = alike.length > 0 ? alike.map(usage).join('\n') : 'Say "mailwheel help" for all commands.';
    throw new UsageError(`There is no command "${words.slice(0, 2).join(' ')}".\n${known}`);
  }
  const { help, ...read } = readArguments(command, words.slice(command.words.length));
  if (help) {
    output.text(`${command.says}\n${usage(command)}`);
    return 0;
  }
  // oxlint-disable-next-line node/no-process-env -- the one place where the environment is read
  return command.run({ ...read, environment: process.env, output, errors });
}

/** A sentence for what may go wrong; the stack too for what is a bug of ours. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isBug = [TypeError, ReferenceError, SyntaxError, RangeError].some((kind) => error instanceof kind);
  if (isBug) return error.stack ?? error.message;
  const cause = error instanceof CommandFailure ? undefined : error.cause;
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message;
}
