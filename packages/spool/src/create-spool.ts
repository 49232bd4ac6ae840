/**
 * The spool over Redis: every call is one script or a few plain commands on one shard, on the wire before it returns, so
 * that a caller may send the queue's move right behind a `record` on the same connection.
 */
import {
  jobId,
  splitIntoJobs,
  type Envelope,
  type FinalResult,
  type JobId,
  type LedgerEntry,
  type MessageId,
} from '@mailwheel/envelope';
import type { ChainableCommander } from 'ioredis';
import { defineScript, type RedisClient, type ScriptCall } from './define-script.ts';
import { messageKeys, shardPrefix } from './keys.ts';
import { createLua } from './scripts/create.ts';
import { moveScript } from './scripts/move.ts';
import { openScript } from './scripts/open.ts';
import { recordScript } from './scripts/record.ts';
import { removeScript } from './scripts/remove.ts';
import { reopenScript } from './scripts/reopen.ts';
import { scanScript } from './scripts/scan.ts';
import {
  keepsBody,
  readEnvelope,
  readLedgerLines,
  readResult,
  writeEnvelope,
  writeLedgerLine,
  writeResult,
} from './short-form.ts';
import type { CommitState, MessageRecord, OpenedMessage, RecordOutcome, Spool } from './types.ts';

export interface SpoolOptions {
  readonly client: RedisClient;
  /** How long a settled or revoked record answers questions. Setting `store.tombstoneSeconds`, default 900. */
  readonly tombstoneSeconds?: number;
  /** How long record and body are kept of a message that somebody did not get; 0: not. Setting `bounced.keepSeconds`, default 86,400. */
  readonly keepSeconds?: number;
  /** Ledger lines kept of one message: the latest. Setting `store.ledgerEntriesMax`, default 200. */
  readonly ledgerEntriesMax?: number;
  /** As the queue splits (`splitIntoJobs`); absent: its default. */
  readonly recipientsPerJobMax?: number;
}

/** Ledger lines that one call of `record` may carry: Lua unpacks them onto a stack that holds 8,000. */
const ledgerLinesPerCallMax = 1000;

/** Makes the spool. Errors of Redis (away, full, time-out) reach the caller as they are. */
export function createSpool(options: SpoolOptions): Spool {
  return new RedisSpool(options);
}

class RedisSpool implements Spool {
  readonly #client: RedisClient;
  readonly #tombstoneMs: number;
  readonly #keepMs: number;
  readonly #ledgerEntriesMax: number;
  readonly #split: { readonly recipientsPerJobMax?: number };
  readonly #open: ScriptCall;
  readonly #record: ScriptCall;
  readonly #move: ScriptCall;
  readonly #reopen: ScriptCall;
  readonly #remove: ScriptCall;
  readonly #scan: ScriptCall;

  constructor(options: SpoolOptions) {
    const { client } = options;
    this.#client = client;
    this.#tombstoneMs = (options.tombstoneSeconds ?? 900) * 1000;
    this.#keepMs = (options.keepSeconds ?? 86_400) * 1000;
    this.#ledgerEntriesMax = options.ledgerEntriesMax ?? 200;
    this.#split =
      options.recipientsPerJobMax === undefined ? {} : { recipientsPerJobMax: options.recipientsPerJobMax };
    this.#open = defineScript(client, openScript, 'buffers');
    this.#record = defineScript(client, recordScript);
    this.#move = defineScript(client, moveScript);
    this.#reopen = defineScript(client, reopenScript);
    this.#remove = defineScript(client, removeScript);
    this.#scan = defineScript(client, scanScript);
  }

  addToTransaction(
    multi: ChainableCommander,
    envelope: Envelope,
    body: Buffer,
    state: 'staged' | 'committed',
  ): void {
    const keys = messageKeys(envelope.messageId);
    multi.set(keys.body, body, 'NX');
    multi.eval(
      createLua,
      3,
      keys.record,
      keys.body,
      keys.backlog,
      writeEnvelope(envelope),
      state,
      envelope.recipients.length,
    );
  }

  async move(id: MessageId, to: 'committed' | 'revoked'): Promise<boolean> {
    const { record, body, scratch, backlog } = messageKeys(id);
    return (await this.#move(record, body, scratch, backlog, to, this.#tombstoneMs)) === 1;
  }

  async open(id: MessageId): Promise<OpenedMessage | undefined> {
    const keys = messageKeys(id);
    const reply = (await this.#open(keys.record, keys.body)) as [Buffer[], Buffer | null] | null;
    if (reply === null) return undefined;
    const [fields, body] = reply;
    const record = readRecord(id, fieldsOf(fields));
    return record === undefined ? undefined : { ...record, body: body ?? undefined };
  }

  async record(
    id: MessageId,
    entry: {
      readonly results: ReadonlyMap<number, FinalResult>;
      readonly ledger: readonly LedgerEntry[];
    },
  ): Promise<RecordOutcome> {
    const keys = messageKeys(id);
    const results: (string | number)[] = [];
    for (const [index, result] of entry.results) {
      results.push(index, writeResult(result), keepsBody(result.state) ? 1 : 0);
    }
    const [open, ...taken] = (await this.#record(
      keys.record,
      keys.body,
      keys.ledger,
      keys.scratch,
      keys.backlog,
      this.#keepMs,
      this.#tombstoneMs,
      this.#ledgerEntriesMax,
      entry.results.size,
      ...results,
      ...entry.ledger.slice(-ledgerLinesPerCallMax).map(writeLedgerLine),
    )) as [number, ...number[]];
    return { taken, open };
  }

  async read(id: MessageId): Promise<MessageRecord | undefined> {
    return readRecord(id, new Map(Object.entries(await this.#client.hgetall(messageKeys(id).record))));
  }

  async readBody(id: MessageId): Promise<Buffer | undefined> {
    return (await this.#client.getBuffer(messageKeys(id).body)) ?? undefined;
  }

  async ledger(id: MessageId): Promise<LedgerEntry[]> {
    const keys = messageKeys(id);
    const [inline, lines] = await Promise.all([
      this.#client.hget(keys.record, 'l'),
      this.#client.lrange(keys.ledger, 0, -1),
    ]);
    return readLedgerLines(id, (inline === null ? lines : [inline, ...lines]).join(','));
  }

  async reopen(id: MessageId, recipients: readonly number[]): Promise<boolean> {
    const { record, body, ledger, backlog } = messageKeys(id);
    return (await this.#reopen(record, body, ledger, backlog, ...recipients)) === 1;
  }

  async remove(id: MessageId): Promise<boolean> {
    const { record, body, ledger, backlog, scratch } = messageKeys(id);
    return (await this.#remove(record, body, ledger, backlog, scratch)) === 1;
  }

  async backlog(shard: number): Promise<number> {
    return Math.max(0, Number(await this.#client.get(`${shardPrefix(shard)}:!backlog`)));
  }

  async scan(
    shard: number,
    cursor: string,
    count: number,
  ): Promise<{ readonly cursor: string; readonly ids: readonly MessageId[] }> {
    const prefix = `${shardPrefix(shard)}:!msg:`;
    const [next, keys] = (await this.#scan(prefix, cursor, `${prefix}*`, count)) as [string, string[]];
    return { cursor: next, ids: keys.map((key) => key.slice(prefix.length) as MessageId) };
  }

  jobIds(envelope: Envelope): readonly JobId[] {
    return splitIntoJobs(envelope.recipients, this.#split).map(({ part }) => jobId(envelope.messageId, part));
  }
}

function fieldsOf(flat: readonly Buffer[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(String(flat[at]), String(flat[at + 1]));
  return fields;
}

/** Undefined without an envelope: no record, or a tombstone that `move` left where there never was one. */
function readRecord(id: MessageId, fields: ReadonlyMap<string, string>): MessageRecord | undefined {
  const envelope = fields.get('env');
  if (envelope === undefined) return undefined;
  const results = new Map<number, FinalResult>();
  for (const [name, value] of fields) {
    if (/^r\d/.test(name)) results.set(Number(name.slice(1)), readResult(value));
  }
  return { envelope: readEnvelope(id, envelope), state: fields.get('st') as CommitState, results };
}
