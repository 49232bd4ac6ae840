/**
 * Both listeners in this process over a real Redis: the ingress without its signals and metrics page. What was accepted is
 * read back from the spool; what was said at the doors is in `events`.
 */
import { openStore, type Store } from '@mailwheel/assembly';
import { parseMessageId, type Envelope, type MessageId } from '@mailwheel/envelope';
import { openResolver } from '@mailwheel/resolver';
import { parseSettings, resolveFor, type Settings } from '@mailwheel/settings';
import { rawSmtp, startRedis, waitFor, type RawSmtp, type TestRedis } from '@mailwheel/testkit';
import { createDoors, type Doors } from '../src/doors.ts';
import type { IngressEvent } from '../src/events.ts';

export interface StoredMessage {
  readonly envelope: Envelope;
  readonly body: Buffer;
  /** The body without our Received line. */
  readonly relayed: Buffer;
}

export interface TestIngress {
  readonly redis: TestRedis;
  readonly store: Store;
  readonly doors: Doors;
  readonly smtpPort: number;
  /** Present with `smtps`. */
  readonly smtpsPort: number | undefined;
  readonly httpUrl: string;
  readonly events: readonly IngressEvent[];
  readonly settings: Settings;
  /** A connection whose greeting has been read. */
  readonly connect: () => Promise<RawSmtp>;
  /** Says EHLO as well. */
  readonly greeted: () => Promise<RawSmtp>;
  readonly message: (id: string) => Promise<StoredMessage>;
  /** Ids of all messages in Redis. */
  readonly stored: () => Promise<readonly MessageId[]>;
  readonly stop: () => Promise<void>;
}

export interface TestIngressOptions {
  readonly redis?: TestRedis;
  readonly smtp?: Readonly<Record<string, unknown>>;
  readonly smtps?: Readonly<Record<string, unknown>>;
  readonly http?: Readonly<Record<string, unknown>>;
  /** Other settings at the top level. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly bodiesInFlightBytes?: number;
  /** Below what the settings would allow, so that a test need not wait. */
  readonly idleSeconds?: number;
}

/** Starts listeners on free ports; `redis` is the caller's to stop if it was given. */
export async function startIngress(options: TestIngressOptions = {}): Promise<TestIngress> {
  const redis = options.redis ?? (await startRedis());
  const settings = readSettings(options, redis);
  const events: IngressEvent[] = [];
  const store = await openStore(settings, { purpose: 'producer', name: 'ingress-test' });
  const resolver = await openResolver({
    ...(settings.routes === undefined ? {} : { routes: { text: settings.routes } }),
    self: { hostname: settings.hostname },
  });
  const doors = createDoors({
    settings,
    store,
    resolver,
    journal: { report: (event) => events.push(event) },
    onConnections: () => undefined,
  });
  await waitFor('the store to be asked', () => store.acceptor.admission().kind !== 'unavailable');
  const addresses = await doors.open().catch(async (error: unknown) => {
    await resolver.close();
    await store.close();
    throw error;
  });
  const connect = async (): Promise<RawSmtp> => {
    const client = await rawSmtp(addresses.smtp.port);
    await client.expect(220);
    return client;
  };
  return {
    redis,
    store,
    doors,
    smtpPort: addresses.smtp.port,
    smtpsPort: addresses.smtps?.port,
    httpUrl: `http://127.0.0.1:${addresses.http.port}`,
    events,
    settings,
    connect,
    greeted: async () => {
      const client = await connect();
      await client.command('EHLO client.example', 250);
      return client;
    },
    message: async (id) => readMessage(store, id),
    stored: async () => (await store.spool.scan(0, '0', 10_000)).ids,
    stop: async () => {
      await doors.drain(0, AbortSignal.abort());
      await resolver.close();
      await store.close();
      if (options.redis === undefined) await redis.stop();
    },
  };
}

function readSettings(options: TestIngressOptions, redis: TestRedis): Settings {
  const written = {
    hostname: 'relay.example.net',
    redis: { url: redis.url, commandTimeoutMs: 500, waitTimeoutMs: 100 },
    ...options.settings,
    ingress: {
      smtp: { listen: '127.0.0.1:0', ...options.smtp },
      ...(options.smtps === undefined ? {} : { smtps: options.smtps }),
      http: { listen: '127.0.0.1:0', ...options.http },
      ...(options.bodiesInFlightBytes === undefined
        ? {}
        : { bodiesInFlightBytes: options.bodiesInFlightBytes }),
    },
  };
  // JSON is YAML.
  const parsed = parseSettings({ yaml: JSON.stringify(written), environment: {} });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const settings = resolveFor('up', parsed.settings);
  if (options.idleSeconds === undefined) return settings;
  const { ingress } = settings;
  return {
    ...settings,
    ingress: { ...ingress, smtp: { ...ingress.smtp, idleSeconds: options.idleSeconds } },
  };
}

async function readMessage(store: Store, text: string): Promise<StoredMessage> {
  const id = parseMessageId(text);
  if (id === undefined) throw new Error(`"${text}" is no message id`);
  const [record, body] = await Promise.all([store.spool.read(id), store.spool.readBody(id)]);
  if (record === undefined || body === undefined) throw new Error(`message ${id} is not stored`);
  const trace = /^Received: [^\r\n]*\r\n(?:\t[^\r\n]*\r\n)*/.exec(body.toString('latin1'))?.[0].length ?? 0;
  return { envelope: record.envelope, body, relayed: body.subarray(trace) };
}

/**
 * A dialogue as a transcript: `C: ` is sent, `S: ` must be the next reply (its last line begins so; `*` stands for any
 * text). Lines that stand together under `C: ` are sent in one write. Gives the replies.
 */
export async function converse(client: RawSmtp, transcript: string): Promise<readonly string[]> {
  const replies: string[] = [];
  let unsent = '';
  for (const line of transcript.split('\n').map((text) => text.trim())) {
    if (line === 'C:' || line.startsWith('C: ')) unsent += `${line.slice(3)}\r\n`;
    else if (line.startsWith('S: ')) {
      if (unsent !== '') client.write(Buffer.from(unsent));
      unsent = '';
      const pattern = line
        .slice(3)
        .replaceAll(/[.?+()[\]]/g, '\\$&')
        .replaceAll('*', '.*');
      replies.push((await client.expect(new RegExp(`^${pattern}`))).line);
    }
  }
  if (unsent !== '') client.write(Buffer.from(unsent));
  return replies;
}

/** Id in `250 2.0.0 Ok: queued as <id>`. */
export function queuedId(line: string | undefined): string {
  const id = /^250 2\.0\.0 Ok: queued as (\S+)$/.exec(line ?? '')?.[1];
  if (id === undefined) throw new Error(`not an acceptance: ${line}`);
  return id;
}
