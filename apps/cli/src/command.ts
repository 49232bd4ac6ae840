/** What a command of `mailwheel` is, and how its line of the table is read. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import type { Output } from './output.ts';

/** Options that commands share; each command names those it takes. */
export const options = {
  config: { type: 'string' },
  json: { type: 'boolean' },
  demo: { type: 'boolean' },
  supervised: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  limit: { type: 'string' },
  reason: { type: 'string' },
  yes: { type: 'boolean' },
} as const satisfies ParseArgsOptionsConfig;

export type OptionName = keyof typeof options;

export interface Invocation {
  /** Values of the command's `parameters`, in their order. */
  readonly values: readonly string[];
  readonly options: {
    readonly [name in OptionName]?: (typeof options)[name]['type'] extends 'string' ? string : boolean;
  };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  readonly errors: Output;
}

export interface Command {
  /** `['queue', 'list']`. */
  readonly words: readonly string[];
  /** `['ADDRESS']`; `'DESTINATION?'` may be left out. */
  readonly parameters: readonly string[];
  readonly options: readonly OptionName[];
  /** One line for `help`. */
  readonly says: string;
  /** Resolves with the exit code; a role resolves when it is ready and goes on living. */
  readonly run: (invocation: Invocation) => Promise<number | undefined>;
}

/** A mistake of the caller: told in one sentence, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A failure that is nobody's bug (a Redis that is away, a file that is not there): told in one sentence, exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}

/** `mailwheel queue show DESTINATION [--json]`. */
export function usage(command: Command): string {
  const parameters = command.parameters.map((name) => (name.endsWith('?') ? `[${name.slice(0, -1)}]` : name));
  const flags = command.options
    .filter((name) => name !== 'supervised' && name !== 'help')
    .map(
      (name) =>
        `[--${name}${options[name].type === 'string' ? ` ${name === 'config' ? 'FILE' : name.toUpperCase()}` : ''}]`,
    );
  return ['mailwheel', ...command.words, ...parameters, ...flags].join(' ');
}

/** Finds the command whose words begin `words`; the longest match wins. */
export function findCommand(table: readonly Command[], words: readonly string[]): Command | undefined {
  return table
    .filter((command) => command.words.every((word, index) => words[index] === word))
    .toSorted((left, right) => right.words.length - left.words.length)[0];
}

/** Options and parameters of `words` (those after the command's own). Throws `UsageError`. */
export function readArguments(
  command: Command,
  words: readonly string[],
): Pick<Invocation, 'values' | 'options'> & { readonly help: boolean } {
  const known = Object.fromEntries(
    [...command.options, 'help' as const].map((name) => [name, options[name]]),
  );
  let read: { values: Record<string, unknown>; positionals: string[] };
  try {
    read = parseArgs({ args: [...words], options: known, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. To specify')[0]}\n${usage(command)}`, {
      cause: error,
    });
  }
  const help = read.values['help'] === true;
  const required = command.parameters.filter((name) => !name.endsWith('?')).length;
  const given = read.positionals.length;
  if (!help && (given < required || given > command.parameters.length)) {
    const problem =
      given < required ? `${command.parameters[given]} is missing` : 'there are too many arguments';
    throw new UsageError(`${problem}\n${usage(command)}`);
  }
  return { values: read.positionals, options: read.values as Invocation['options'], help };
}
