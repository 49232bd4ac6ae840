/** Names of a message's keys. All of a message lives under the hash tag of its home shard, so one script may touch it all. */
import { homeShard, type MessageId } from '@mailwheel/envelope';

export interface MessageKeys {
  /** Hash: envelope, commit state, results. */
  readonly record: string;
  /** String: the message as it is relayed. A key of its own, so that it can expire alone. */
  readonly body: string;
  /** List: what each host said, once it does not fit the record (`record` script). */
  readonly ledger: string;
  /** Never exists: the scripts delete it first, after which a full Redis lets them finish. */
  readonly scratch: string;
  /** Counter: messages of this shard that are not settled, revoked or removed. */
  readonly backlog: string;
}

export function messageKeys(id: MessageId): MessageKeys {
  const prefix = shardPrefix(homeShard(id));
  return {
    record: `${prefix}:!msg:${id}`,
    body: `${prefix}:!body:${id}`,
    ledger: `${prefix}:!led:${id}`,
    scratch: `${prefix}:!none`,
    backlog: `${prefix}:!backlog`,
  };
}

/** The hash tag is the shard: everything that starts with it shares one slot of a Redis Cluster. */
export function shardPrefix(shard: number): string {
  return `{mw${shard}}`;
}
