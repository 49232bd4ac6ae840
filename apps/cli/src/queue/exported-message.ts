/**
 * A message outside: `<id>.eml`, the message byte for byte as it would be relayed, and `<id>.json`, its envelope. The
 * envelope is written last, so that a folder whose export was cut short holds no half message.
 */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  destinationKey,
  parseMessageId,
  type Envelope,
  type MessageId,
  type Recipient,
} from '@mailwheel/envelope';
import type { NewEnvelope } from '@mailwheel/accept';

const formatVersion = 1;

/** What `<id>.json` holds. Only recipients that were still open are in it. */
export interface ExportedEnvelope {
  readonly format: typeof formatVersion;
  readonly messageId: MessageId;
  /** ISO 8601. */
  readonly acceptedAt: string;
  readonly reversePath: string;
  readonly recipients: readonly Pick<Recipient, 'address' | 'notify' | 'originalRecipient'>[];
  readonly ret?: Envelope['ret'];
  readonly envid?: string;
  readonly smtpUtf8: boolean;
  readonly body: Envelope['body'];
  readonly priority: Envelope['priority'];
  readonly subject?: string;
  readonly headerMessageId?: string;
  readonly bounceOf?: MessageId;
}

export interface ExportedMessage {
  readonly messageId: MessageId;
  readonly envelope: NewEnvelope;
  readonly body: Buffer;
}

/** Writes the two files of a message for its `open` recipients. */
export async function writeExported(
  folder: string,
  envelope: Envelope,
  message: { readonly body: Buffer; readonly open: readonly Recipient[] },
): Promise<void> {
  const { messageId, reversePath, smtpUtf8, body, priority, ret, envid, subject, headerMessageId, bounceOf } =
    envelope;
  const exported: ExportedEnvelope = {
    format: formatVersion,
    messageId,
    acceptedAt: new Date(envelope.acceptedAtMs).toISOString(),
    reversePath,
    recipients: message.open.map(({ address, notify, originalRecipient }) => ({
      address,
      ...(notify === undefined ? {} : { notify }),
      ...(originalRecipient === undefined ? {} : { originalRecipient }),
    })),
    smtpUtf8,
    body,
    priority,
    ...(ret === undefined ? {} : { ret }),
    ...(envid === undefined ? {} : { envid }),
    ...(subject === undefined ? {} : { subject }),
    ...(headerMessageId === undefined ? {} : { headerMessageId }),
    ...(bounceOf === undefined ? {} : { bounceOf }),
  };
  await replace(join(folder, `${messageId}.eml`), message.body);
  await replace(join(folder, `${messageId}.json`), `${JSON.stringify(exported, undefined, 2)}\n`);
}

async function replace(file: string, content: string | Buffer): Promise<void> {
  await writeFile(`${file}.part`, content);
  await rename(`${file}.part`, file);
}

/** Ids of the messages in an exported folder, sorted. */
export async function exportedIds(folder: string): Promise<MessageId[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => parseMessageId(name.slice(0, -'.json'.length)))
    .filter((id) => id !== undefined)
    .toSorted();
}

/** Reads a message back. Rejects with a sentence that names the file and what is wrong with it. */
export async function readExported(folder: string, id: MessageId): Promise<ExportedMessage> {
  const file = join(folder, `${id}.json`);
  const [text, body] = await Promise.all([readFile(file, 'utf8'), readFile(join(folder, `${id}.eml`))]);
  const exported = parse(file, text);
  const recipients = exported.recipients.map((recipient, index): Recipient => {
    const key = destinationKey(recipient.address.slice(recipient.address.lastIndexOf('@') + 1));
    if (!key.ok)
      throw new Error(`${file}: recipients[${index}]: "${recipient.address}" is no address: ${key.text}`);
    return { ...recipient, index, destination: key.key };
  });
  const {
    reversePath,
    smtpUtf8,
    body: bodyType,
    priority,
    ret,
    envid,
    subject,
    headerMessageId,
    bounceOf,
  } = exported;
  return {
    messageId: id,
    body,
    envelope: {
      reversePath,
      recipients,
      smtpUtf8,
      body: bodyType,
      priority,
      origin: { protocol: 'import', clientAddress: '', connectionNumber: 0 },
      ...(ret === undefined ? {} : { ret }),
      ...(envid === undefined ? {} : { envid }),
      ...(subject === undefined ? {} : { subject }),
      ...(headerMessageId === undefined ? {} : { headerMessageId }),
      ...(bounceOf === undefined ? {} : { bounceOf }),
    },
  };
}

function parse(file: string, text: string): ExportedEnvelope {
  let value: Partial<ExportedEnvelope>;
  try {
    value = JSON.parse(text) as Partial<ExportedEnvelope>;
  } catch (error) {
    throw new Error(`${file}: it is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const wrong = [
    [value.format !== formatVersion, `format: expected ${formatVersion}`],
    [typeof value.reversePath !== 'string', 'reversePath: expected a text'],
    [
      !Array.isArray(value.recipients) ||
        value.recipients.length === 0 ||
        !value.recipients.every((recipient) => typeof recipient?.address === 'string'),
      'recipients: expected a list of at least one { address }',
    ],
    [typeof value.smtpUtf8 !== 'boolean', 'smtpUtf8: expected true or false'],
    [value.body !== '7BIT' && value.body !== '8BITMIME', 'body: expected 7BIT or 8BITMIME'],
    [!['high', 'normal', 'bulk'].includes(value.priority ?? ''), 'priority: expected high, normal or bulk'],
  ] as const;
  const problems = wrong.filter(([bad]) => bad).map(([, sentence]) => sentence);
  if (problems.length > 0) throw new Error(`${file}: ${problems.join('; ')}`);
  return value as ExportedEnvelope;
}
