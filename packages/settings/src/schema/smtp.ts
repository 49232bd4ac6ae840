/** Settings of the SMTP listeners: limits, TLS, logins, proxies. */
import { isNetwork, type ListenAddress } from '../addresses.ts';
import {
  choice,
  constrained,
  flag,
  fraction,
  list,
  optional,
  requiredSection,
  section,
  text,
  whole,
  type Field,
} from '../field.ts';
import { listen } from './listen.ts';
import { file } from './paths.ts';

export interface SmtpTlsSettings {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile?: string | undefined;
  readonly clientCertificates: 'off' | 'optional' | 'required';
  readonly clientCertificatesRelay: boolean;
}

export interface SmtpIngressSettings {
  readonly listen: ListenAddress;
  readonly trustedNetworks?: readonly string[] | undefined;
  readonly messageBytesMax: number;
  readonly recipientsMax: number;
  readonly destinationsMax: number;
  readonly hopsMax: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  readonly idleSeconds: number;
  readonly transactionSeconds: number;
  readonly bareNewline: 'reject' | 'normalise';
  readonly tls?: SmtpTlsSettings | undefined;
  readonly usersFile?: string | undefined;
  readonly userMessagesPerMinuteMax: number;
  readonly userRecipientsPerMinuteMax: number;
  readonly loginSeconds: number;
  readonly loginFailuresMax: number;
  readonly loginFailureSeconds: number;
  readonly proxyFrom: readonly string[];
  readonly dataBytesPerSecondMin: number;
  readonly filesReloadSeconds: number;
  readonly insecure: boolean;
}

export interface SmtpsIngressSettings {
  readonly listen: ListenAddress;
}

function network(says: string): Field<string> {
  return text({
    expects: 'a network such as 10.0.0.0/8 or one IP address',
    type: 'network',
    accepts: isNetwork,
    charactersMax: 50,
    says,
  });
}

const tlsFields: Field<SmtpTlsSettings> = requiredSection<SmtpTlsSettings>(
  'TLS 1.2 or later of the SMTP listeners; present, it offers STARTTLS. The files are read again when they change.',
  {
    certificateFile: file('Certificate of the listeners and its chain (PEM).'),
    keyFile: file('Private key of the certificate (PEM).'),
    caFile: optional(
      file('Authorities whose client certificates are taken (PEM); those of the system never are.'),
    ),
    clientCertificates: choice(['off', 'optional', 'required'], {
      initial: 'off',
      says: 'Client certificates: not asked for; asked for; or no session without one, and no MAIL before TLS (530 5.7.0).',
    }),
    clientCertificatesRelay: flag({
      initial: false,
      says: 'A client with a certificate that `caFile` verifies may relay like one of the trusted networks.',
    }),
  },
);

const tls: Field<SmtpTlsSettings> = constrained(
  constrained(
    tlsFields,
    (value) => value.clientCertificates === 'off' || value.caFile !== undefined,
    'clientCertificates needs caFile: the authorities that issue them',
  ),
  (value) => !value.clientCertificatesRelay || value.clientCertificates !== 'off',
  'clientCertificatesRelay needs clientCertificates: optional or required',
);

export const smtps: Field<SmtpsIngressSettings> = section<SmtpsIngressSettings>(
  'A second SMTP listener with TLS from the first byte (RFC 8314); everything else is as `ingress.smtp` says.',
  { listen: listen('127.0.0.1:2465', 'Address and port on which SMTP under TLS is accepted.') },
);

export const smtp: Field<SmtpIngressSettings> = section<SmtpIngressSettings>('The SMTP listener.', {
  listen: listen('127.0.0.1:2525', 'Address and port on which SMTP is accepted.'),
  trustedNetworks: optional(
    list(
      network(
        'Networks whose clients may relay; absent, loopback is trusted by `up` and nobody by `ingress`.',
      ),
      { entriesMax: 1000 },
    ),
  ),
  messageBytesMax: whole({
    min: 1024,
    max: 1_073_741_824,
    initial: 52_428_800,
    unit: 'bytes',
    says: 'Largest message taken and announced as SIZE; larger ones get 552 5.3.4.',
  }),
  recipientsMax: whole({
    min: 100,
    max: 1000,
    initial: 1000,
    unit: 'recipients',
    says: 'Recipients of one message; further ones get 452 4.5.3 (RFC 5321 section 4.5.3.1.8 asks for at least 100).',
  }),
  destinationsMax: whole({
    min: 1,
    max: 200,
    initial: 200,
    unit: 'destinations',
    says: 'Different destination domains of one message; further ones get 452 4.5.3.',
  }),
  hopsMax: whole({
    min: 5,
    max: 1000,
    initial: 30,
    unit: 'Received lines',
    says: 'A message that already has more Received lines is taken for a loop and gets 554 5.4.6.',
  }),
  connectionsMax: whole({
    min: 1,
    max: 100_000,
    initial: 1000,
    unit: 'connections',
    says: 'SMTP connections of one ingress process at a time; further ones get 421 4.3.2.',
  }),
  connectionsPerAddressMax: whole({
    min: 1,
    max: 100_000,
    initial: 100,
    unit: 'connections',
    says: 'SMTP connections of one client address at a time; further ones get 421 4.7.0.',
  }),
  idleSeconds: fraction({
    min: 0.5,
    max: 3600,
    initial: 300,
    unit: 'seconds',
    says: 'A client that sends no whole command for this long, or is silent within one, is disconnected with 421 4.4.2.',
  }),
  transactionSeconds: fraction({
    min: 0.5,
    max: 86_400,
    initial: 3600,
    unit: 'seconds',
    says: 'A client that takes longer from its greeting, or from the end of one message, to the end of the next is disconnected with 421 4.4.2, however busy it looks.',
  }),
  bareNewline: choice(['reject', 'normalise'], {
    initial: 'reject',
    says: 'A CR or LF that stands alone in a message: refuse with 550 5.6.11, or write CR LF in its place.',
  }),
  tls: optional(tls),
  usersFile: optional(
    file('Users that may log in (AUTH PLAIN and LOGIN, under TLS only), one a line; see docs/smtp.md.'),
  ),
  userMessagesPerMinuteMax: whole({
    min: 0,
    max: 1_000_000,
    initial: 1000,
    unit: 'messages',
    says: 'Messages of one user in a minute, over all processes; further ones get 450 4.7.1. 0: no limit; `messages=` in the users file overrides.',
  }),
  userRecipientsPerMinuteMax: whole({
    min: 0,
    max: 10_000_000,
    initial: 10_000,
    unit: 'recipients',
    says: 'Recipients of one user in a minute, over all processes; further ones get 450 4.7.1. 0: no limit; `recipients=` in the users file overrides.',
  }),
  loginSeconds: fraction({
    min: 1,
    max: 3600,
    initial: 60,
    unit: 'seconds',
    says: 'A client that may not relay is disconnected after this long, unless it has logged in by then.',
  }),
  loginFailuresMax: whole({
    min: 1,
    max: 1000,
    initial: 10,
    unit: 'failures',
    says: 'Failed logins of one client address (IPv6: /64) within `loginFailureSeconds`; further ones get 421 4.7.0 unheard.',
  }),
  loginFailureSeconds: whole({
    min: 1,
    max: 86_400,
    initial: 600,
    unit: 'seconds',
    says: 'Time after which the failed logins of an address are forgotten.',
  }),
  proxyFrom: list(
    network(
      'Networks of proxies that begin every connection with a PROXY header (version 1 or 2), whose address then counts as the client; from others the header is refused.',
    ),
    { entriesMax: 1000 },
  ),
  dataBytesPerSecondMin: whole({
    min: 1,
    max: 1_000_000,
    initial: 1024,
    unit: 'bytes',
    says: 'A message may take `idleSeconds`, and a second more for each so many of its bytes; slower ones get 421 4.4.2.',
  }),
  filesReloadSeconds: fraction({
    min: 0.1,
    max: 3600,
    initial: 2,
    unit: 'seconds',
    says: 'Interval at which certificates and the users file are looked at.',
  }),
  insecure: flag({
    initial: false,
    says: 'Start although `trustedNetworks` trusts everybody on a listener outside loopback (an open relay).',
  }),
});
