/**
 * Idempotency-Keys: the same request sent twice is one message.
 *
 * claim -> accept -> confirm. The claim fixes the message id before anything is stored, and a record is never written over
 * one that exists. So whoever repeats the request meets the same id and adds nothing, whatever was lost in between: a
 * crash after the claim, a commit in doubt, two requests at the same time. The confirmation has to outlive the record's
 * tombstone (`idempotencySeconds` is longer). It comes after every reply of EXEC was checked; rejected: inside the MULTI that
 * stores the message, for EXEC does not roll back, and the key of a message that was taken back would stay confirmed.
 *
 * One gap is accepted: the process dies between commit and confirmation, and the client repeats himself only after the
 * tombstone is gone; he then gets a second message. The other choice would lose it.
 */
import { parseMessageId, type MessageId } from '@mailwheel/envelope';
import { createHash } from 'node:crypto';
import type { KeyClient } from './deps.ts';
import { claimLua, confirmLua, releaseLua } from './scripts/claim.ts';

export interface IdempotencyRequest {
  readonly scope: string;
  readonly key: string;
  readonly digest: string;
}

export interface MessageIds {
  readonly messageId: MessageId;
  readonly messageNumber: number;
}

export type Claim =
  /** Ours, or that of an earlier try: either way the ids to store under. */
  | ({ readonly kind: 'claimed' } & MessageIds)
  | ({ readonly kind: 'confirmed' } & MessageIds)
  /** The key stands for another request. */
  | ({ readonly kind: 'conflict' } & MessageIds);

export interface IdempotencyOptions {
  readonly client: KeyClient;
  readonly shards: number;
  readonly rememberMs: number;
}

export class IdempotencyKeys {
  readonly #client: KeyClient;
  readonly #shards: number;
  readonly #rememberMs: number;

  constructor(options: IdempotencyOptions) {
    this.#client = options.client;
    this.#shards = options.shards;
    this.#rememberMs = options.rememberMs;
  }

  /** Name of the key in Redis. The client's key is hashed: he chooses it, and its length. */
  place(request: IdempotencyRequest): string {
    const hash = createHash('sha256')
      .update(JSON.stringify([request.scope, request.key]))
      .digest();
    return `{mw${hash.readUInt32BE(0) % this.#shards}}:!idem:${hash.toString('hex')}`;
  }

  /** `replaces`: an earlier claim whose message was revoked. */
  async claim(request: IdempotencyRequest, ids: MessageIds, replaces: MessageId | undefined): Promise<Claim> {
    const [digest, id, number, confirmed] = (await this.#client.eval(
      claimLua,
      1,
      this.place(request),
      request.digest,
      ids.messageId,
      ids.messageNumber,
      this.#rememberMs,
      replaces ?? '',
    )) as [string, string, string, string];
    const messageId = parseMessageId(id);
    if (messageId === undefined) throw new Error('an Idempotency-Key holds something that is no message id');
    const kind = digest !== request.digest ? 'conflict' : confirmed === '1' ? 'confirmed' : 'claimed';
    return { kind, messageId, messageNumber: Number(number) };
  }

  async confirm(request: IdempotencyRequest, ids: MessageIds): Promise<void> {
    const { messageId, messageNumber } = ids;
    const parameters = [request.digest, messageId, messageNumber, this.#rememberMs];
    await this.#client.eval(confirmLua, 1, this.place(request), ...parameters);
  }

  async release(request: IdempotencyRequest, messageId: MessageId): Promise<void> {
    await this.#client.eval(releaseLua, 1, this.place(request), messageId);
  }
}
