/** What a delivery needs from its app: names, limits, and the hooks through which it speaks about connections. */
import type { ConnectionEvents } from './types.ts';

/** How long each step of the dialogue may take (RFC 5321 section 4.5.3.2), in milliseconds, by the monotonic clock. */
export interface DeliveryTimeouts {
  readonly connectMs: number;
  readonly greetingMs: number;
  /** Each of EHLO, STARTTLS with its handshake, AUTH, MAIL, RCPT. */
  readonly commandMs: number;
  /** The reply to DATA. */
  readonly dataMs: number;
  /** The host takes the next block of the body. */
  readonly bodyBlockMs: number;
  /** The reply after the terminator; nothing cuts it short. */
  readonly finalReplyMs: number;
}

export interface DeliveryOptions {
  /** Name given at EHLO where the host's policy names none. */
  readonly hostname: string;
  readonly timeouts: DeliveryTimeouts;
  /** Transactions after which a connection is ended with QUIT. */
  readonly messagesPerConnectionMax: number;
  /** An unused connection is ended with QUIT after this long. */
  readonly idleConnectionMs: number;
  readonly events: ConnectionEvents;
  /** DCID of a connection that was just made. Rejects when there is none to have (Redis away): so does `transact`. */
  readonly nextConnectionNumber: () => number | Promise<number>;
  /** Monotonic milliseconds, the clock of `TransactionRequest.deadlineMs`. Default: `performance.now`. */
  readonly now?: () => number;
  /** PEM file with authorities that are trusted beside the system's. Read once, at creation; throws if it cannot be. */
  readonly tls?: { readonly caFile?: string };
  /** The password in a policy's `passwordFile`. Asked at each connection, so that a changed file is taken up. */
  readonly readSecret: (file: string) => string | Promise<string>;
}

/** The defaults of shared/rules.md, "Time-outs". */
export const deliveryTimeoutsDefault: DeliveryTimeouts = {
  connectMs: 30_000,
  greetingMs: 30_000,
  commandMs: 120_000,
  dataMs: 120_000,
  bodyBlockMs: 180_000,
  finalReplyMs: 600_000,
};

/** Longest reply that is read, all lines together; a host that says more is out of step. Real replies have a few hundred bytes. */
export const replyBytesMax = 65_536;
/** Most that is read while a connection is opened, greeting to AUTH. */
export const openingBytesMax = 262_144;
/** The body leaves in blocks of this size; one that fits into a block leaves together with its terminator, in one write. */
export const bodyBlockBytes = 65_536;
/** Wait for the answer to QUIT. */
export const quitMsMax = 5_000;
