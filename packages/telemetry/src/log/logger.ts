/**
 * The logger: one method, one line an event, in one of three forms. JSON for machines, mail_logs for
 * administrators and their tools, pretty for a person at a terminal.
 */
import { isoTime, mailLogsTime, terminalTime } from './clock-text.ts';
import { standardOutput, type LineDestination } from './destination.ts';
import { eventNatures, logLevels, type LogEvent, type LogLevel, type OperationEvent } from './events.ts';
import { fitForLog } from './fit.ts';
import { mailLine, type MailEvent } from './mail-lines.ts';
import { operationLine } from './operation-lines.ts';
import { colourOf, paint, quietOnTerminal } from './pretty.ts';

export type LogFormat = 'json' | 'mail_logs' | 'pretty';

export interface LoggerOptions {
  readonly format: LogFormat;
  /** Least important level that is written. */
  readonly level: LogLevel;
  /** Which events about single messages are written. */
  readonly messages: 'all' | 'failures' | 'none';
  readonly role: string;
  /** Default: standard output, written in the background. */
  readonly destination?: LineDestination;
  /** Other processes write to the same standard output, so no write may be large enough to be torn. Default true. */
  readonly sharedOutput?: boolean;
  /** Colours in the pretty form. */
  readonly colour?: boolean;
  /** Milliseconds since the epoch; default: the clock of the machine. */
  readonly nowMs?: () => number;
  /** Called for each line that was dropped because nobody reads them. */
  readonly onDrop?: () => void;
}

export interface Logger {
  /** Writes the event, if level and kind are wanted. Never throws, never waits. */
  event(of: LogEvent): void;
  /** An event of this kind would be written: lets a caller skip the making of costly ones. */
  wants(name: LogEvent['event']): boolean;
  /** Writes out what is buffered, at once. */
  flushSync(): void;
  close(): void;
}

/** `auto` is pretty on a terminal, else JSON. */
export function chooseFormat(setting: LogFormat | 'auto', isTerminal: boolean): LogFormat {
  return setting === 'auto' ? (isTerminal ? 'pretty' : 'json') : setting;
}

export function createLogger(options: LoggerOptions): Logger {
  const destination =
    options.destination ?? standardOutput(options.onDrop ?? (() => {}), options.sharedOutput ?? true);
  const write = lineWriter(options, destination);
  const wanted = wantedEvents(options);
  return {
    event: (of) => {
      if (!wanted.has(of.event)) return;
      if (of.event === 'attempt' && options.messages === 'failures' && of.outcome === 'delivered') return;
      write(fitForLog(of));
    },
    wants: (name) => wanted.has(name),
    flushSync: () => destination.flushSync?.(),
    close: () => {
      destination.flushSync?.();
      destination.end?.();
    },
  };
}

/** Decided once: on the hot path it is one look into a set. */
function wantedEvents(options: LoggerOptions): ReadonlySet<string> {
  const least = logLevels.indexOf(options.level);
  const wanted = Object.entries(eventNatures).filter(([name, { level, about }]) => {
    if (logLevels.indexOf(level) < least) return false;
    if (about === 'operation' || options.messages === 'all') return true;
    return options.messages === 'failures' && (about === 'failure-of-message' || name === 'attempt');
  });
  return new Set(wanted.map(([name]) => name));
}

function lineWriter(options: LoggerOptions, destination: LineDestination): (of: LogEvent) => void {
  const now = options.nowMs ?? Date.now;
  switch (options.format) {
    case 'json':
      return jsonWriter(options.role, now, destination);
    case 'mail_logs': {
      const time = mailLogsTime();
      return (of) => {
        const text = textOf(of);
        if (text !== undefined)
          destination.write(`${time(now())} ${levelWords[eventNatures[of.event].level]}: ${text}\n`);
      };
    }
    case 'pretty': {
      const time = terminalTime();
      const colour = options.colour ?? false;
      const role = options.role.padEnd(7);
      return (of) => {
        const text = quietOnTerminal.has(of.event) ? undefined : textOf(of);
        if (text === undefined) return;
        const prefix = paint(`${time(now())} ${role}`, 'dim', colour);
        destination.write(`${prefix} ${paint(text, colourOf(of), colour)}\n`);
      };
    }
  }
}

/** The words of mail_logs for our levels. */
const levelWords: Readonly<Record<LogLevel, string>> = {
  debug: 'Debug',
  info: 'Info',
  warn: 'Warning',
  error: 'Critical',
};

/**
 * The lines of pino, without pino: everything it would look at in an event was looked at by `fitForLog`, and its logger costs
 * twice what JSON.stringify does.
 */
function jsonWriter(role: string, now: () => number, destination: LineDestination): (of: LogEvent) => void {
  const time = isoTime();
  const middle = `","role":${JSON.stringify(role)},`;
  return (of) => {
    const { level } = eventNatures[of.event];
    destination.write(`{"level":"${level}","time":"${time(now())}${middle}${JSON.stringify(of).slice(1)}\n`);
  };
}

function textOf(of: LogEvent): string | undefined {
  return isOperation(of) ? operationLine(of) : mailLine(of);
}

function isOperation(of: LogEvent): of is Exclude<OperationEvent, MailEvent> {
  return eventNatures[of.event].about === 'operation';
}
