/**
 * Everything the program may log, as values. An event says what happened; how it looks (JSON, mail_logs, for people) is
 * the logger's. Numbers carry the names mail administrators know: ICID a connection in, MID a message, RID the index of a
 * recipient, DCID a delivery connection (0: no connection was made). `message` is our id of the message.
 *
 * Text from peers is shortened and escaped by the logger; who writes an event need not.
 */
import type { Phase } from '@mailwheel/envelope';

interface OfMessage {
  readonly mid: number;
  readonly message?: string;
}

/** The life of a message on its way in: the lines of an ICID. */
export type IncomingEvent =
  | {
      readonly event: 'icid-open';
      readonly icid: number;
      readonly interfaceName: string;
      readonly interfaceAddress: string;
      readonly address: string;
      /** Empty: none was found. */
      readonly reverseName: string;
      readonly verified: boolean;
    }
  | (OfMessage & { readonly event: 'message-start'; readonly icid: number })
  | (OfMessage & { readonly event: 'from'; readonly icid: number; readonly address: string })
  | (OfMessage & {
      readonly event: 'to';
      readonly icid: number;
      readonly rid: number;
      readonly address: string;
    })
  | (OfMessage & { readonly event: 'message-id'; readonly headerMessageId: string })
  | (OfMessage & { readonly event: 'subject'; readonly subject: string })
  | (OfMessage & { readonly event: 'message-ready'; readonly bytes: number; readonly address: string })
  | (OfMessage & { readonly event: 'queued' })
  | { readonly event: 'icid-close'; readonly icid: number }
  | { readonly event: 'icid-tls'; readonly icid: number; readonly protocol: string; readonly cipher: string }
  | {
      /** A handshake that came to nothing. */
      readonly event: 'icid-tls-failed';
      readonly icid: number;
      readonly address: string;
      readonly details: string;
    }
  | {
      readonly event: 'login';
      readonly icid: number;
      readonly address: string;
      /** Name of a known user; empty: unknown. What was typed is not logged: it may be a password. */
      readonly user: string;
      readonly mechanism: string;
      readonly succeeded: boolean;
    }
  | {
      /** A transaction or recipient that was not taken. */
      readonly event: 'accept-refused';
      readonly icid: number;
      readonly address: string;
      readonly reply: string;
      readonly recipient?: string;
    }
  | (OfMessage & { readonly event: 'generated-bounce'; readonly of: number; readonly ofMessage?: string });

export const connectionErrorReasons = ['unexpected SMTP response', 'network error', 'timeout'] as const;
export type ConnectionErrorReason = (typeof connectionErrorReasons)[number];

interface Postponed extends OfMessage {
  readonly dcid: number;
  readonly rid: number;
  readonly enhancedCode: string;
  readonly text: string;
  /** Basic code; empty: no host said anything. */
  readonly code: string;
  readonly reply: string;
}

/** The life of a message on its way out: the lines of a DCID. */
export type OutgoingEvent =
  | {
      readonly event: 'dcid-open';
      readonly dcid: number;
      readonly interfaceAddress: string;
      readonly address: string;
      readonly port: number;
    }
  | { readonly event: 'tls'; readonly dcid: number; readonly protocol: string; readonly cipher: string }
  | (OfMessage & {
      readonly event: 'delivery-start';
      readonly dcid: number;
      readonly rids: readonly number[];
    })
  | (OfMessage & { readonly event: 'message-done'; readonly dcid: number; readonly rids: readonly number[] })
  | (OfMessage & { readonly event: 'response'; readonly rids: readonly number[]; readonly reply: string })
  | (OfMessage & { readonly event: 'message-finished' })
  | { readonly event: 'dcid-close'; readonly dcid: number }
  | {
      readonly event: 'connection-error';
      readonly dcid: number;
      readonly domain: string;
      readonly address: string;
      readonly port: number;
      /** The reply, or the errno. */
      readonly details: string;
      readonly interfaceAddress: string;
      readonly reason: ConnectionErrorReason;
    }
  | (Postponed & { readonly event: 'delayed' })
  | (Postponed & { readonly event: 'bounced' })
  | (OfMessage & { readonly event: 'discarded'; readonly rids: readonly number[]; readonly route: string })
  | AttemptEvent;

/** One host asked by one attempt: the structured record of delivery. */
export interface AttemptEvent extends OfMessage {
  readonly event: 'attempt';
  readonly destination: string;
  /** 1-based number of the attempt of its job. */
  readonly attempt: number;
  readonly host: string;
  readonly dcid: number;
  /** Where the dialogue ended. */
  readonly phase: Phase;
  readonly outcome: 'delivered' | 'deferred' | 'bounced' | 'next-host' | 'unknown-outcome';
  readonly rids: readonly number[];
  readonly reply: string;
  readonly durationMs: number;
}

/** What operators watch: hosts, routes, the store, the process. */
export type OperationEvent =
  | {
      readonly event: 'host-state';
      readonly host: string;
      readonly from: string;
      readonly to: string;
      readonly restMs?: number;
      readonly reply?: string;
    }
  | {
      readonly event: 'destination-rests';
      readonly destination: string;
      readonly forMs: number;
      readonly cause: string;
    }
  | { readonly event: 'routes-reloaded'; readonly routes: number; readonly file: string }
  | { readonly event: 'routes-refused'; readonly file: string; readonly problems: readonly string[] }
  | (OfMessage & { readonly event: 'quarantined'; readonly destination: string; readonly starts: number })
  | (OfMessage & {
      readonly event: 'unknown-outcome';
      readonly dcid: number;
      readonly host: string;
      readonly rids: readonly number[];
      readonly details: string;
    })
  | { readonly event: 'accept-unknown'; readonly message: string; readonly details: string }
  /** The index or the records were not as they should be, and were put right. */
  | { readonly event: 'repair'; readonly what: string; readonly count: number; readonly destination?: string }
  /** A peer or the store did something the tables do not know. */
  | { readonly event: 'oddity'; readonly what: string; readonly details: string }
  /** An act of an operator. */
  | {
      readonly event: 'operator-act';
      readonly by: string;
      /** With which right, and how they said who they are: `operator`, `login`. */
      readonly role?: string;
      readonly via?: string;
      readonly act: string;
      readonly on: string;
      readonly result: string;
    }
  | { readonly event: 'unsafe-listener'; readonly listen: string; readonly details: string }
  | { readonly event: 'note'; readonly text: string }
  | { readonly event: 'warning'; readonly text: string }
  | { readonly event: 'started'; readonly version: string; readonly pid: number }
  | { readonly event: 'ready'; readonly listening: Readonly<Record<string, string>> }
  | { readonly event: 'draining'; readonly why: string }
  | { readonly event: 'stopped'; readonly durationMs: number }
  | { readonly event: 'error'; readonly what: string; readonly error: LoggedError };

/** An error as it is logged: no object of a library, whose fields might hold a password, reaches the log. */
export interface LoggedError {
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

export type LogEvent = IncomingEvent | OutgoingEvent | OperationEvent;
export type LogEventName = LogEvent['event'];

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

interface Nature {
  readonly level: LogLevel;
  /** About one message or connection (many), or about the operation of the tier (few). */
  readonly about: 'message' | 'failure-of-message' | 'operation';
}

const message: Nature = { level: 'info', about: 'message' };
const failure: Nature = { level: 'info', about: 'failure-of-message' };
const notice: Nature = { level: 'info', about: 'operation' };
const alarm: Nature = { level: 'warn', about: 'operation' };

/** Level and subject of every event; `log.level` and `log.messages` choose by them. */
export const eventNatures: Readonly<Record<LogEventName, Nature>> = {
  'icid-open': message,
  'message-start': message,
  from: message,
  to: message,
  'message-id': message,
  subject: message,
  'message-ready': message,
  queued: message,
  'icid-close': message,
  'icid-tls': message,
  'icid-tls-failed': failure,
  login: message,
  'accept-refused': failure,
  'generated-bounce': failure,
  'dcid-open': message,
  tls: message,
  'delivery-start': message,
  'message-done': message,
  response: message,
  'message-finished': message,
  'dcid-close': message,
  'connection-error': failure,
  delayed: failure,
  bounced: failure,
  discarded: message,
  // An attempt that did not deliver is a failure; the logger looks at its outcome.
  attempt: message,
  'host-state': notice,
  'destination-rests': notice,
  'routes-reloaded': notice,
  'routes-refused': alarm,
  quarantined: alarm,
  'unknown-outcome': alarm,
  'accept-unknown': alarm,
  repair: alarm,
  oddity: alarm,
  'operator-act': notice,
  'unsafe-listener': alarm,
  note: notice,
  warning: alarm,
  started: notice,
  ready: notice,
  draining: notice,
  stopped: notice,
  error: { level: 'error', about: 'operation' },
};

/** Reads an unknown thrown value for the log. Causes are followed to a depth of 3; other fields are left out. */
export function loggedError(thrown: unknown, depth = 0): LoggedError {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const { message: text, stack, cause } = thrown;
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  return {
    message: text,
    ...(code === undefined ? {} : { code }),
    ...(stack === undefined || depth > 0 ? {} : { stack }),
    ...(cause === undefined || depth >= 3 ? {} : { cause: loggedError(cause, depth + 1) }),
  };
}
