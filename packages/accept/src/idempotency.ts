/**
 * Idempotency-Keys: the same request sent twice is one message.
 *
 * claim -> accept -> confirm. The claim fixes the message id before anything is stored, and a record is never written over
 * one that exists. So whoever repeats the request meets the same id and adds nothing, whatever was lost in between: a
 * crash after the claim, a commit in doubt, two requests at the same time. The confirmation has to outlive the record's
 * tombstone (`idempotencySeconds` is longer): it rides in the MULTI of the record where both live on one shard, and
 * follows it otherwise. One gap is accepted: shards differ, the process dies between commit and confirmation, and the client
 * repeats itself only after the tombstone is gone; he then gets a second message. The other choice would lose it.
 */
import { parseMessageId, type MessageId } from '@mailwheel/envelope';
import { createHash } from 'node:crypto';
import type { KeyClient, Transaction } from './deps.ts';
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

  /** Shard and Redis key. The client's key is hashed: he chooses it, and its length. */
  place(request: IdempotencyRequest): { readonly shard: number; readonly redisKey: string } {
    const hash = createHash('sha256')
      .update(JSON.stringify([request.scope, request.key]))
      .digest();
    const shard = hash.readUInt32BE(0) % this.#shards;
    return { shard, redisKey: `{mw${shard}}:!idem:${hash.toString('hex')}` };
  }

  /** `replaces`: an earlier claim whose message was revoked. */
  async claim(request: IdempotencyRequest, ids: MessageIds, replaces: MessageId | undefined): Promise<Claim> {
    const [digest, id, number, confirmed] = (await this.#client.eval(
      claimLua,
      1,
      this.place(request).redisKey,
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

  /** Into the MULTI of the record; `place(request).shard` is its shard. */
  addConfirmation(multi: Transaction, request: IdempotencyRequest, ids: MessageIds): void {
    multi.eval(confirmLua, 1, this.place(request).redisKey, ...this.#confirmation(request, ids));
  }

  async confirm(request: IdempotencyRequest, ids: MessageIds): Promise<void> {
    await this.#client.eval(confirmLua, 1, this.place(request).redisKey, ...this.#confirmation(request, ids));
  }

  async release(request: IdempotencyRequest, messageId: MessageId): Promise<void> {
    await this.#client.eval(releaseLua, 1, this.place(request).redisKey, messageId);
  }

  #confirmation(request: IdempotencyRequest, ids: MessageIds): (string | number)[] {
    return [request.digest, ids.messageId, ids.messageNumber, this.#rememberMs];
  }
}
