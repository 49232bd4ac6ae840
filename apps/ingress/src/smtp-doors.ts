/** The SMTP listeners, in plain text with STARTTLS and with TLS from the first byte, over one set of rules, counts and users. */
import type { Store } from '@mailwheel/assembly';
import type { ListenAddress, SmtpIngressSettings, SmtpsIngressSettings } from '@mailwheel/settings';
import { setTimeout } from 'node:timers/promises';
import { handshakeOptions, watchCertificate } from './certificates.ts';
import type { Report } from './events.ts';
import type { WatchedFiles } from './files/watched-files.ts';
import { ConnectionCounts } from './smtp/connection-counts.ts';
import { SmtpListener } from './smtp/server.ts';
import type { SessionRules, UserRules } from './smtp/session-rules.ts';
import { trustedNetworks } from './smtp/trusted-networks.ts';
import { LoginFailures } from './users/login-failures.ts';
import { UserPasswords } from './users/user-passwords.ts';
import { createUserCharges } from './users/user-limits.ts';
import { watchUsers } from './users/watch-users.ts';

export interface SmtpDoorsOptions {
  readonly smtp: SmtpIngressSettings;
  readonly smtps: SmtpsIngressSettings | undefined;
  readonly client: Store['client'];
  readonly rules: Omit<
    SessionRules,
    'limits' | 'bareNewline' | 'patience' | 'users' | 'mailNeedsTls' | 'certificatesRelay'
  >;
  readonly onConnections: (change: 1 | -1) => void;
}

export interface SmtpAddresses {
  readonly smtp: ListenAddress;
  readonly smtps?: ListenAddress;
}

export class SmtpDoors {
  readonly #options: SmtpDoorsOptions;
  readonly #listeners: readonly { readonly listener: SmtpListener; readonly at: ListenAddress }[];
  readonly #files: readonly WatchedFiles[];

  constructor(options: SmtpDoorsOptions) {
    this.#options = options;
    const { smtp, smtps } = options;
    const users = usersOf(options);
    const rules = rulesOf(options, users?.rules);
    const shared = {
      rules,
      counts: new ConnectionCounts(options.onConnections),
      // Network names in messages of this matcher are those of trustedNetworks; settings have checked these.
      isProxy: trustedNetworks(smtp.proxyFrom),
      tls: handshakeOptions(smtp.tls),
      offersTls: smtp.tls !== undefined,
    };
    const plain = { listener: new SmtpListener({ ...shared, implicitTls: false }), at: smtp.listen };
    this.#listeners =
      smtps === undefined
        ? [plain]
        : [plain, { listener: new SmtpListener({ ...shared, implicitTls: true }), at: smtps.listen }];
    const certificate = this.#certificate(rules.report);
    this.#files = [
      ...(certificate === undefined ? [] : [certificate]),
      ...(users === undefined ? [] : [users.file]),
    ];
  }

  /** Reads certificate and users, then listens; rejects with a sentence if any of it cannot be had. */
  async open(): Promise<SmtpAddresses> {
    for (const file of this.#files) await file.start();
    const addresses: ListenAddress[] = [];
    for (const { listener, at } of this.#listeners) {
      addresses.push({ ...at, port: await listener.open(at.host, at.port) });
    }
    const [smtp = this.#options.smtp.listen, smtps] = addresses;
    return smtps === undefined ? { smtp } : { smtp, smtps };
  }

  /** See `SmtpListener.drain`. */
  async drain(limitMs: number, hasten: AbortSignal): Promise<void> {
    await Promise.all(this.#files.map(async (file) => file.close()));
    await Promise.all(this.#listeners.map(async ({ listener }) => listener.drain(limitMs, hasten)));
  }

  #certificate(report: Report): WatchedFiles | undefined {
    const { tls, filesReloadSeconds } = this.#options.smtp;
    if (tls === undefined) return undefined;
    const listeners = this.#listeners.map(({ listener }) => listener);
    return watchCertificate(tls, { intervalMs: filesReloadSeconds * 1000, listeners, report });
  }
}

function rulesOf({ smtp, rules }: SmtpDoorsOptions, users: UserRules | undefined): SessionRules {
  return {
    ...rules,
    limits: smtp,
    bareNewline: smtp.bareNewline,
    patience: {
      idleMs: smtp.idleSeconds * 1000,
      loginMs: smtp.loginSeconds * 1000,
      transactionMs: smtp.transactionSeconds * 1000,
      dataBytesPerSecondMin: smtp.dataBytesPerSecondMin,
    },
    ...(users === undefined ? {} : { users }),
    mailNeedsTls: smtp.tls?.clientCertificates === 'required',
    certificatesRelay: smtp.tls?.clientCertificatesRelay === true,
  };
}

function usersOf(
  options: SmtpDoorsOptions,
): { readonly rules: UserRules; readonly file: WatchedFiles } | undefined {
  const { smtp, client, rules } = options;
  if (smtp.usersFile === undefined) return undefined;
  const passwords = new UserPasswords();
  const failures = new LoginFailures({
    failuresMax: smtp.loginFailuresMax,
    forgetMs: smtp.loginFailureSeconds * 1000,
    nowMs: () => performance.now(),
  });
  const wait = async (ms: number): Promise<void> => setTimeout(ms, undefined, { ref: false });
  const intervalMs = smtp.filesReloadSeconds * 1000;
  return {
    rules: {
      doorkeeper: { passwords, failures, wait },
      charge: createUserCharges(client),
      minuteLimits: {
        messagesPerMinuteMax: smtp.userMessagesPerMinuteMax,
        recipientsPerMinuteMax: smtp.userRecipientsPerMinuteMax,
      },
    },
    file: watchUsers(smtp.usersFile, { intervalMs, passwords, report: rules.report }),
  };
}
