/**
 * A tier for attacks on the ingress: one ingress whose limits are small, one whose times are short, and a check after each
 * attack that an honest client is still served and that nothing of the attack reached the destination.
 */
import type { Socket } from 'node:net';
import { rawSmtp, smtpSubmit, startSmtpHost, waitFor, type RawSmtp, type SmtpHost } from '@mailwheel/testkit';
import { startTier, type RoleProcess, type Tier } from './tier.ts';

/** Client address that is not in the trusted networks. */
export const stranger = '127.0.0.9';
export const connectionsMax = 40;
export const perAddressMax = 20;
/** Stands in every message that must not arrive. */
const mark = 'evil';

export class HostileStage {
  readonly host: SmtpHost;
  readonly tier: Tier;
  readonly ingress: RoleProcess;
  /** Port of the ingress with short times: idle 0.6 s, a transaction 2 s. */
  readonly hastyPort: number;
  /** Ended after each test. */
  readonly sockets: Socket[] = [];

  private constructor(host: SmtpHost, tier: Tier, processes: { ingress: RoleProcess; hasty: RoleProcess }) {
    this.host = host;
    this.tier = tier;
    this.ingress = processes.ingress;
    this.hastyPort = Number(processes.hasty.addresses['smtp']?.split(':').at(-1));
  }

  static async start(): Promise<HostileStage> {
    const host = await startSmtpHost();
    const smtp = {
      trustedNetworks: ['127.0.0.1', '127.0.1.0/24'],
      connectionsMax,
      connectionsPerAddressMax: perAddressMax,
      recipientsMax: 100,
      destinationsMax: 100,
    };
    const tier = await startTier({ routes: `ALL 127.0.0.1:${host.port}\n`, settings: { ingress: { smtp } } });
    const ingress = tier.roles.find(({ role }) => role === 'ingress') as RoleProcess;
    const hasty = await tier.startRole('ingress', {
      MAILWHEEL__INGRESS__SMTP__LISTEN: '127.0.0.1:0',
      MAILWHEEL__INGRESS__HTTP__LISTEN: '127.0.0.1:0',
      MAILWHEEL__INGRESS__SMTP__IDLESECONDS: '0.6',
      MAILWHEEL__INGRESS__SMTP__TRANSACTIONSECONDS: '2',
    });
    return new HostileStage(host, tier, { ingress, hasty });
  }

  async stop(): Promise<void> {
    await this.tier.stop();
    await this.host.stop();
  }

  /** A connection that has not been greeted yet. */
  async client(port: number = this.tier.smtpPort, localAddress?: string): Promise<RawSmtp> {
    const session = await rawSmtp(port, localAddress === undefined ? {} : { localAddress });
    this.sockets.push(session.socket);
    return session;
  }

  async greeted(port: number = this.tier.smtpPort, localAddress?: string): Promise<RawSmtp> {
    const session = await this.client(port, localAddress);
    await session.expect(220);
    await session.command('EHLO attacker.example', 250);
    return session;
  }

  /** Resolves when an honest client's message was taken and delivered. */
  async honest(): Promise<void> {
    const before = this.host.delivered.length;
    await waitFor('the ingress to take mail', async () => {
      const submission = { port: this.tier.smtpPort, from: 'a@source.example', to: 'b@dest.example' };
      // Until the attack's connections are gone it may be told 421 as well.
      const replies = await smtpSubmit(submission).catch(() => undefined);
      return replies?.final?.code === 250;
    });
    await waitFor('it to be delivered', () => this.host.delivered.length > before);
  }

  /** After each test: throws when the attack left anything behind. */
  async assertUnharmed(): Promise<void> {
    for (const socket of this.sockets.splice(0)) socket.destroy();
    await this.honest();
    const arrived = this.host.transactions.filter(({ body }) => body.includes(mark));
    if (arrived.length > 0) throw new Error(`${arrived.length} messages of the attack arrived`);
  }
}
