/** `mailwheel queue export DIR` and `import DIR`: all mail that is not delivered yet, out of one store and into another. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Store } from '@mailwheel/assembly';
import { createMessageId, homeShard, shardOf, type MessageId } from '@mailwheel/envelope';
import type { Settings } from '@mailwheel/settings';
import { CommandFailure, type Invocation } from '../command.ts';
import { withStore } from '../store.ts';
import { exportedIds, readExported, writeExported, type ExportedMessage } from './exported-message.ts';

const scanPortion = 200;

/**
 * Writes every message with an open recipient. Changes nothing in the store: import it elsewhere only when this store will
 * not deliver any more, or its mail is delivered twice.
 */
export function exportQueue(call: Invocation): Promise<number> {
  const folder = call.values[0] ?? '';
  return withStore(call, async (store, settings) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    let exported = 0;
    let withoutBody = 0;
    for (let shard = 0; shard < settings.redis.shards; shard += 1) {
      let cursor = '0';
      do {
        const found = await store.spool.scan(shard, cursor, scanPortion);
        cursor = found.cursor;
        for (const id of found.ids) {
          const outcome = await exportMessage(call, store, { folder, id });
          if (outcome === 'exported') exported += 1;
          if (outcome === 'without body') withoutBody += 1;
        }
      } while (cursor !== '0');
    }
    if (call.options.json === true) call.output.json({ exported, withoutBody });
    else call.output.text(`${exported} messages exported to ${folder}.`);
    if (withoutBody > 0) call.errors.text(`${withoutBody} messages have no body any more and were left out.`);
    return withoutBody > 0 ? 1 : 0;
  });
}

async function exportMessage(
  call: Invocation,
  { spool }: Store,
  { folder, id }: { readonly folder: string; readonly id: MessageId },
): Promise<'exported' | 'final' | 'without body'> {
  const record = await spool.read(id);
  if (record === undefined || record.state !== 'committed') return 'final';
  const { envelope, results } = record;
  const open = envelope.recipients.filter((recipient) => !results.has(recipient.index));
  if (open.length === 0) return 'final';
  const body = await spool.readBody(id);
  if (body === undefined) return 'without body';
  await writeExported(folder, envelope, { body, open });
  if (call.options.json === true)
    call.output.json({ message: id, recipients: open.length, bytes: body.length });
  return 'exported';
}

/** Accepts every message of the folder under its own id: repeating it adds nothing. Its age counts from the import. */
export function importQueue(call: Invocation): Promise<number> {
  const folder = call.values[0] ?? '';
  return withStore(call, async (store, settings) => {
    const ids = await exportedIds(folder).catch((error: Error) => {
      throw new CommandFailure(`${folder} cannot be read: ${error.message}`, { cause: error });
    });
    const counts = { imported: 0, already: 0, refused: 0 };
    for (const id of ids) {
      const outcome = await importMessage(store, settings, { folder, id });
      counts[outcome.kind] += 1;
      if (call.options.json === true) call.output.json({ message: id, outcome: outcome.kind });
      if (outcome.kind === 'refused') call.errors.text(`${id}: ${outcome.why}`);
    }
    const { imported, already, refused } = counts;
    if (call.options.json === true) call.output.json(counts);
    else call.output.text(`${imported} messages imported, ${already} were here already, ${refused} refused.`);
    return refused > 0 ? 1 : 0;
  });
}

async function importMessage(
  store: Store,
  settings: Settings,
  { folder, id }: { readonly folder: string; readonly id: MessageId },
): Promise<{ readonly kind: 'imported' | 'already' } | { readonly kind: 'refused'; readonly why: string }> {
  let message: ExportedMessage;
  try {
    message = await readExported(folder, id);
  } catch (error) {
    return { kind: 'refused', why: (error as Error).message };
  }
  const { envelope, body } = message;
  const acceptance = await store.acceptor.accept({
    envelope,
    body,
    messageId: idHere(message, settings.redis.shards),
  });
  switch (acceptance.kind) {
    case 'accepted':
      return { kind: acceptance.repeated ? 'already' : 'imported' };
    case 'conflict':
      return { kind: 'refused', why: 'another message has its id' };
    case 'full':
    case 'unavailable':
    case 'unknown':
      return {
        kind: 'refused',
        why: `${acceptance.reason}; import again, what is here already is left alone`,
      };
  }
}

/** The id names the home shard: where this store has fewer of them, the message gets a new id that follows from the old. */
function idHere({ messageId, envelope }: ExportedMessage, shards: number): MessageId {
  const [first] = envelope.recipients;
  if (first === undefined || homeShard(messageId) < shards) return messageId;
  return createMessageId(createHash('sha256').update(messageId).digest(), shardOf(first.destination, shards));
}
