/** What the handlers of the HTTP API share. */
import type {
  Envelope,
  JobId,
  DestinationKey,
  LedgerEntry,
  MessageId,
  FinalResult,
} from '@mailwheel/envelope';
import type { FastifyRequest } from 'fastify';
import type { Intake } from '../message/intake.ts';
import type { MailboxContext } from '../smtp/policy.ts';
import type { Principal } from './tokens.ts';
import type { Uploads } from './upload.ts';

/** The part of the spool that answers questions about a message. */
export interface MessageReader {
  read(id: MessageId): Promise<
    | {
        readonly envelope: Envelope;
        readonly state: 'staged' | 'committed' | 'revoked' | 'settled';
        readonly results: ReadonlyMap<number, FinalResult>;
      }
    | undefined
  >;
  ledger(id: MessageId): Promise<readonly LedgerEntry[]>;
}

/** The part of the queues that knows when a job is tried again. */
export interface JobReader {
  job(
    destination: DestinationKey,
    id: JobId,
  ): Promise<
    | {
        readonly state: 'waiting' | 'active' | 'delayed' | 'failed';
        readonly nextAttemptAtMs?: number;
      }
    | undefined
  >;
}

export interface ApiContext {
  readonly intake: Intake;
  readonly messages: MessageReader;
  readonly jobs: JobReader;
  readonly uploads: Uploads;
  readonly mailboxes: MailboxContext;
  readonly messageBytesMax: number;
  /** Who asks; decided before the body is read. */
  readonly principalOf: (request: FastifyRequest) => Principal;
  readonly addressOf: (request: FastifyRequest) => string;
}
