/** The vocabulary of the scripted SMTP host: what it can be told to do, and what it remembers. */

/** Moments at which the host can be told to behave oddly. `connect` comes before the greeting, `body` at each chunk. */
export type HostPhase =
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'helo'
  | 'starttls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'final'
  | 'rset'
  | 'noop'
  | 'quit'
  | 'unknown';

/**
 * What the host does at one moment. A string is a reply; lines are separated by `\n`, and sent with CRLF. An object can wait
 * first, send raw bytes, drip, and close or reset afterwards; without `reply` and `raw` nothing is said.
 */
export type Action =
  | string
  | {
      readonly delayMs?: number;
      readonly reply?: string;
      /** Written as it is: garbage, half lines, megabytes. */
      readonly raw?: string | Buffer;
      /** Reply or raw bytes leave one by one, this far apart. */
      readonly dripMs?: number;
      /** `close`: FIN after what was said. `reset`: RST at once. */
      readonly end?: 'close' | 'reset';
      /** Never answers; at `body` it also stops reading. */
      readonly silent?: true;
    };

/** What a behaviour function can look at. */
export interface ActionContext {
  readonly phase: HostPhase;
  /** 1 for the first time that this phase is met on this host, over all connections. */
  readonly count: number;
  /** The same on this connection. */
  readonly countInConnection: number;
  readonly connection: ConnectionRecord;
  /** Command line as received, without CRLF; empty at `connect`, `greeting`, `body`, `final`. */
  readonly line: string;
  /** Of the transaction so far. */
  readonly reversePath: string;
  readonly recipients: readonly RecipientRecord[];
  /** At `rcpt`: the address asked about. */
  readonly address: string;
  /** At `body`: bytes so far as they came; at `final`: bytes of the message. */
  readonly bodyBytes: number;
  /** At `final`: the message. */
  readonly body: Buffer;
}

/** `undefined` means the ordinary answer. */
export type Behaviour =
  | Action
  | ((context: ActionContext) => Action | undefined | Promise<Action | undefined>);

/** Behaviours by phase; `undefined` removes one. */
export type HostScript = { readonly [phase in HostPhase]?: Behaviour | undefined };

export interface RecipientRecord {
  readonly address: string;
  /** `['NOTIFY=SUCCESS', 'ORCPT=rfc822;a@b']`, as received. */
  readonly parameters: readonly string[];
  readonly accepted: boolean;
}

export interface ConnectionRecord {
  /** 1-based, in order of arrival. */
  readonly number: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly openedAtMs: number;
  closedAtMs?: number;
  tls: boolean;
  /** Server name of the TLS hello. */
  serverName?: string;
  user?: string;
  /** Name given at EHLO or HELO. */
  heloName?: string;
  /** Commands as received, the first thousand. */
  readonly commands: string[];
  transactions: number;
  /** Commands that were already there when the reply to the one before had not been sent. */
  pipelined: number;
  /** The peer reset the connection. */
  reset: boolean;
}

/** One message that came completely, up to its terminating dot. */
export interface TransactionRecord {
  readonly connection: number;
  readonly atMs: number;
  readonly reversePath: string;
  readonly mailParameters: readonly string[];
  readonly recipients: readonly RecipientRecord[];
  /** After dot-unstuffing, byte for byte; empty with `keepBodies: false`. */
  readonly body: Buffer;
  readonly bodyBytes: number;
  /** SHA-256 of the body, hexadecimal; computed when asked for. */
  readonly digest: string;
  readonly tls: boolean;
  readonly user: string | undefined;
  /** Final reply that was sent; undefined: none. */
  reply?: string;
  /** The final reply was positive. */
  accepted: boolean;
}

export interface HostOptions {
  readonly address?: string;
  /** 0 (default): a free one, kept over restarts. */
  readonly port?: number;
  /** Name in greeting and EHLO. */
  readonly name?: string;
  /** EHLO keywords. Default: PIPELINING, 8BITMIME, SMTPUTF8, DSN, ENHANCEDSTATUSCODES; STARTTLS is added with `tls`. */
  readonly extensions?: readonly string[];
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** TLS from the first byte (port 465). */
  readonly implicitTls?: boolean;
  /** `user -> password`; present: AUTH is offered, and demanded with `requireAuth`. */
  readonly users?: Readonly<Record<string, string>>;
  readonly requireAuth?: boolean;
  /** Connections above this are greeted with 421 and closed. */
  readonly connectionsMax?: number;
  /** False: bodies are digested and dropped. */
  readonly keepBodies?: boolean;
}

export interface HostCounters {
  connections: number;
  open: number;
  openMax: number;
  /** Messages whose final reply was positive. */
  accepted: number;
  /** How often each phase was met. */
  readonly phases: Record<HostPhase, number>;
}

/** A connection that is open now, for what a script cannot time: talking to or dropping an idle client. */
export interface LiveConnection {
  readonly record: ConnectionRecord;
  say(text: string): void;
  close(): void;
  reset(): void;
}
