/** What a listener gives its sessions: limits, and those who decide. */
import type { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import type { Report } from '../events.ts';
import type { BodyBudget } from '../message/bodies-in-flight.ts';
import type { Intake } from '../message/intake.ts';
import type { UserPasswords } from '../users/user-passwords.ts';
import type { ChargeUser, MinuteLimits } from '../users/user-limits.ts';
import type { ConnectionCounts } from './connection-counts.ts';
import type { Doorkeeper } from './login.ts';
import type { PatienceLimits } from './patience.ts';
import type { Admission, RecipientContext, SmtpLimits } from './policy.ts';
import type { TrustedNetworks } from './trusted-networks.ts';

/** Logins; absent: AUTH is not offered. */
export interface UserRules {
  readonly doorkeeper: Doorkeeper & { readonly passwords: Pick<UserPasswords, 'current'> };
  readonly charge: ChargeUser;
  /** What a user may send whose line in the users file says nothing. */
  readonly minuteLimits: MinuteLimits;
}

export interface SessionRules {
  readonly limits: SmtpLimits;
  readonly bareNewline: 'reject' | 'normalise';
  readonly patience: PatienceLimits;
  readonly hostname: string;
  readonly trusted: TrustedNetworks;
  readonly users?: UserRules;
  /** Client certificates are required: no MAIL before TLS. */
  readonly mailNeedsTls: boolean;
  /** A verified client certificate may relay. */
  readonly certificatesRelay: boolean;
  readonly literalAllowed: RecipientContext['literalAllowed'];
  readonly admission: () => Admission;
  readonly budget: BodyBudget;
  readonly intake: Intake;
  /** Numbers for the log (ICID); may fail when Redis is away. */
  readonly nextConnectionNumber: () => Promise<number>;
  readonly report: Report;
}

/** What a session shares with its listener. */
export interface SessionHost extends SMTPServer {
  readonly rules: SessionRules;
  readonly counts: ConnectionCounts;
  readonly draining: boolean;
}

/** What is known of a connection before its first byte is heard. */
export interface ClientOptions extends SMTPConnectionOptions {
  /** A proxy would not say for whom it connects: its own address, which may be trusted, stands for nobody. */
  readonly unknownClient?: boolean;
}
