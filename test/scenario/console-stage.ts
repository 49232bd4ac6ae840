/**
 * A tier at rest for the console to show: one route over three hosts of which the second is ill, four messages that failed and
 * four that are deferred.
 */
import { createHash } from 'node:crypto';
import { startSmtpHost, waitFor, type SmtpHost, type TestRedis } from '@mailwheel/testkit';
import { messageIdOf, startTier, type Tier } from './tier.ts';

export const domain = 'example.com';
/** Somebody who may look and not act. */
export const viewer = { username: 'eva', password: 'looks-only' } as const;
/** Of `mailwheel password hash`. */
const viewerHash = '$scrypt$ln=15,r=8,p=3$2ln5F6RC9eGVLlLCbCm+Xw$MWhgj5zUP9EYYLgMQr0vt8Gy8OPQsawt0HDAxOb8Ohk';
export const login = { username: 'admin', password: 'a long secret' };
export const words = 'words nobody may read in the console';

const authorization = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
const body = `Subject: Hello\r\nMessage-ID: <1@source.test>\r\n\r\n${words}\r\n`;

interface Totals {
  readonly failed: number;
  readonly delayed: number;
  readonly waiting: number;
  readonly active: number;
}

export class ConsoleStage {
  readonly tier: Tier;
  readonly hosts: readonly SmtpHost[];
  readonly redis: ReturnType<TestRedis['client']>;
  /** Messages to `gone…`, which failed, and to `full…`, which are deferred. */
  readonly failed: string[] = [];
  readonly deferred: string[] = [];
  /** Makes the mailboxes accept. */
  readonly recover: () => void;

  private constructor(tier: Tier, hosts: readonly SmtpHost[], recover: () => void) {
    this.tier = tier;
    this.hosts = hosts;
    this.recover = recover;
    this.redis = tier.redis.client();
  }

  static async set(): Promise<ConsoleStage> {
    let wellAgain = false;
    const well = {
      rcpt: ({ address }: { readonly address: string }): string | undefined => {
        if (wellAgain) return undefined;
        if (address.startsWith('gone')) return '550 5.1.1 No such user here';
        return address.startsWith('full') ? '452 4.2.2 Mailbox full' : undefined;
      },
    };
    const ill = { greeting: { reply: '452 4.3.1 Insufficient system resources', end: 'close' as const } };
    const hosts = await Promise.all([well, ill, well, {}].map((script) => startSmtpHost(script)));
    const [one, two, three, home] = hosts.map(({ port }) => `127.0.0.1:${port}`);
    const tier = await startTier({
      console: true,
      routes: `${domain} ${one}/pri=0, ${two}/pri=0, ${three}/pri=0\nsource.test ${home}`,
      settings: {
        console: {
          login: {
            user: login.username,
            passwordSha256: createHash('sha256').update(login.password).digest('hex'),
          },
          users: [{ name: viewer.username, passwordHash: viewerHash }],
          boardQueuesMax: 5,
        },
        retry: { firstWaitSeconds: 600, longestWaitSeconds: 600 },
        hostHealth: { firstRestSeconds: 120, longestRestSeconds: 120, aloneRestSeconds: 120 },
      },
    });
    const stage = new ConsoleStage(tier, hosts, () => {
      wellAgain = true;
    });
    await stage.#fill();
    return stage;
  }

  async #fill(): Promise<void> {
    for (let count = 0; count < 30; count += 1) await this.#submit(`fine${count}`);
    for (let count = 0; count < 4; count += 1) {
      this.failed.push(await this.#submit(`gone${count}`));
      this.deferred.push(await this.#submit(`full${count}`));
    }
    await waitFor('the tier to come to rest', async () => {
      const { overview } = (await this.get('/api/overview')) as { overview: { totals: Totals } };
      const { failed, delayed, waiting, active } = overview.totals;
      return failed === 4 && delayed === 4 && waiting === 0 && active === 0;
    });
  }

  async #submit(to: string): Promise<string> {
    return messageIdOf(await this.tier.submit({ from: 'app@source.test', to: [`${to}@${domain}`], body }));
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.tier.consolePort}${path}`;
  }

  async get(path: string): Promise<unknown> {
    return (await fetch(this.url(path), { headers: { authorization } })).json();
  }

  /** Presses a button of the dashboard, as its page does. */
  async press(method: string, path: string, json?: object): Promise<{ status: number; text: string }> {
    const answer = await fetch(this.url(`/board/api/queues${path}`), {
      method,
      headers: {
        authorization,
        origin: new URL(this.url('/')).origin,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    return { status: answer.status, text: await answer.text() };
  }

  /** Everything Redis holds, byte for byte. */
  async everything(): Promise<Map<string, string>> {
    const keys = (await this.redis.keys('*')).toSorted();
    const dump = async (key: string): Promise<string> =>
      (await this.redis.dumpBuffer(key))?.toString('base64') ?? '';
    return new Map(await Promise.all(keys.map(async (key) => [key, await dump(key)] as const)));
  }

  /** Where the job of a message is. */
  async jobState(id: string | undefined): Promise<string> {
    const base = `{mw0}:${domain}:`;
    const job = `${id}-0`;
    if ((await this.redis.zscore(`${base}failed`, job)) !== null) return 'failed';
    if ((await this.redis.zscore(`${base}delayed`, job)) !== null) return 'delayed';
    if ((await this.redis.lpos(`${base}wait`, job)) !== null) return 'waiting';
    return (await this.redis.exists(`${base}${job}`)) === 1 ? 'elsewhere' : 'gone';
  }

  /** State of the only recipient of a message, as its page says. */
  async recipientState(id: string | undefined): Promise<string> {
    const { recipients } = (await this.get(`/api/messages/${id}`)) as { recipients: { state: string }[] };
    return recipients[0]?.state ?? '';
  }

  /** Messages that the two hosts that are well have taken. */
  delivered(): number {
    return (this.hosts[0]?.delivered.length ?? 0) + (this.hosts[2]?.delivered.length ?? 0);
  }

  /** The audit: `admin pause example.com done`. */
  acts(): string[] {
    return this.tier
      .events('operator-act')
      .map((line) => [line['by'], line['act'], line['on'], line['result']].join(' '));
  }

  async stop(): Promise<void> {
    await this.tier.stop();
    await Promise.all(this.hosts.map((host) => host.stop()));
  }
}
