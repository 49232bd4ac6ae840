/** What happens at the doors, for the log and the counters: values, reported by sessions and requests as they go. */
import type { MessageId, Recipient } from '@mailwheel/envelope';
import type { LoginOutcome } from './smtp/login.ts';
import type { Reply } from './smtp/reply.ts';

export interface AcceptedMessage {
  readonly protocol: 'smtp' | 'http';
  readonly messageId: MessageId;
  /** MID of the logs. */
  readonly messageNumber: number;
  /** ICID of the logs, 0 over HTTP. */
  readonly connectionNumber: number;
  readonly clientAddress: string;
  readonly reversePath: string;
  readonly recipients: readonly Recipient[];
  readonly bodyBytes: number;
  readonly subject?: string;
  readonly headerMessageId?: string;
  /** From the terminator to the reply. */
  readonly durationMs: number;
  /** An Idempotency-Key said it before: nothing new was stored. */
  readonly repeated: boolean;
}

export type IngressEvent =
  | {
      readonly kind: 'connected';
      readonly connectionNumber: number;
      readonly localAddress: string;
      readonly clientAddress: string;
    }
  | { readonly kind: 'disconnected'; readonly connectionNumber: number }
  | {
      readonly kind: 'secured';
      readonly connectionNumber: number;
      readonly protocol: string;
      readonly cipher: string;
    }
  | {
      readonly kind: 'tls-failed';
      readonly connectionNumber: number;
      readonly clientAddress: string;
      readonly error: Error;
    }
  | ({
      readonly kind: 'login';
      readonly connectionNumber: number;
      readonly clientAddress: string;
    } & LoginOutcome)
  /** Certificates or users were read anew, or could not be used: then what was in force stays. */
  | { readonly kind: 'file-changed'; readonly what: string; readonly fault: Error | undefined }
  /** A reply of 4xx or 5xx. `phase`: the command it answers. */
  | {
      readonly kind: 'refused';
      readonly protocol: 'smtp' | 'http';
      readonly phase: 'connect' | 'auth' | 'mail' | 'rcpt' | 'data' | 'message' | 'request';
      readonly connectionNumber: number;
      readonly clientAddress: string;
      readonly reply: Reply;
      /** Kind of problem, over HTTP. */
      readonly problem?: string;
      /** Address or sentence that it was about, as the peer wrote it (not yet made printable). */
      readonly about?: string;
      readonly cause?: unknown;
    }
  | { readonly kind: 'accepted'; readonly message: AcceptedMessage }
  /** The store may or may not have it: answered 451, counted `accept_unknown`. */
  | {
      readonly kind: 'accept-unknown';
      readonly protocol: 'smtp' | 'http';
      readonly messageId: MessageId;
      readonly reason: string;
      readonly cause?: unknown;
    }
  | { readonly kind: 'fault'; readonly where: string; readonly error: Error };

export type Report = (event: IngressEvent) => void;
