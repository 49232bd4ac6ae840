/** A tier with a token on its HTTP API and short times, for attacks on that API; and a client that sends any octets. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { startSmtpHost, waitFor, type SmtpHost } from '@mailwheel/testkit';
import { startTier, type RoleProcess, type Tier } from './tier.ts';

export const secret = 'the-secret-of-a-client';
export const bodyBytesMax = 4_000_000;
export const minimal = { from: 'a@source.example', to: ['b@dest.example'], subject: 'honest', text: 'x' };
/** Stands in every message that must not arrive. */
const mark = 'smuggled';

export interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

export class HttpStage {
  readonly host: SmtpHost;
  readonly tier: Tier;
  readonly ingress: RoleProcess;
  readonly #raw: RawHttp[] = [];

  private constructor(host: SmtpHost, tier: Tier, ingress: RoleProcess) {
    this.host = host;
    this.tier = tier;
    this.ingress = ingress;
  }

  static async start(): Promise<HttpStage> {
    const host = await startSmtpHost();
    const sha256 = createHash('sha256').update(secret).digest('hex');
    const http = { bodyBytesMax, requestSeconds: 2, tokens: [{ name: 'client', sha256 }] };
    const tier = await startTier({ routes: `ALL 127.0.0.1:${host.port}\n`, settings: { ingress: { http } } });
    const ingress = tier.roles.find(({ role }) => role === 'ingress') as RoleProcess;
    return new HttpStage(host, tier, ingress);
  }

  async stop(): Promise<void> {
    await this.tier.stop();
    await this.host.stop();
  }

  async post(body: string): Promise<Answer> {
    const answer = await fetch(`http://127.0.0.1:${this.tier.httpPort}/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body,
    });
    return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
  }

  submit(message: unknown): Promise<Answer> {
    return this.post(JSON.stringify(message));
  }

  raw(): RawHttp {
    const http = new RawHttp(this.tier.httpPort);
    this.#raw.push(http);
    return http;
  }

  /** The most memory the ingress ever held. */
  peakBytes(): number {
    const status = readFileSync(`/proc/${this.ingress.child.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;
  }

  /** After each test: throws when the attack left anything behind. */
  async assertUnharmed(): Promise<void> {
    for (const { socket } of this.#raw.splice(0)) socket.destroy();
    const { status } = await this.submit(minimal);
    if (status !== 202) throw new Error(`an honest client was answered ${status}`);
    const arrived = this.host.transactions.filter(({ body }) => body.includes(mark));
    if (arrived.length > 0) throw new Error(`${arrived.length} messages of the attack arrived`);
  }
}

export class RawHttp {
  ended = false;
  readonly socket: Socket;
  #text = '';

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
    });
    const end = (): void => {
      this.ended = true;
    };
    this.socket.on('error', end);
    this.socket.on('close', end);
  }

  /** Status of each response so far. */
  get statuses(): number[] {
    return [...this.#text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  async closed(): Promise<void> {
    await waitFor('the server to close', () => this.ended, 15_000);
  }
}
