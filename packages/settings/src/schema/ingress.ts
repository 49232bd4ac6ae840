/** Settings of the ingress: the SMTP and HTTP listeners and what they take. */
import { isNetwork, type ListenAddress } from '../addresses.ts';
import {
  choice,
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
  readonly insecure: boolean;
}

export interface HttpToken {
  readonly name: string;
  readonly sha256: string;
  readonly from?: readonly string[] | undefined;
}

export interface HttpIngressSettings {
  readonly listen: ListenAddress;
  readonly tokens: readonly HttpToken[];
  readonly bodyBytesMax: number;
  readonly requestSeconds: number;
  readonly insecure: boolean;
}

export interface IngressSettings {
  readonly listen: ListenAddress;
  readonly smtp: SmtpIngressSettings;
  readonly http: HttpIngressSettings;
  readonly bodiesInFlightBytes: number;
  readonly drainSeconds: number;
}

const smtp: Field<SmtpIngressSettings> = section<SmtpIngressSettings>('The SMTP listener.', {
  listen: listen('127.0.0.1:2525', 'Address and port on which SMTP is accepted.'),
  trustedNetworks: optional(
    list(
      text({
        expects: 'a network such as 10.0.0.0/8 or one IP address',
        type: 'network',
        accepts: isNetwork,
        charactersMax: 50,
        says: 'Networks whose clients may relay; absent, loopback is trusted by `up` and nobody by `ingress`.',
      }),
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
    says: 'A client that says nothing for this long is disconnected with 421 4.4.2.',
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
  insecure: flag({
    initial: false,
    says: 'Start although `trustedNetworks` trusts everybody on a listener outside loopback (an open relay).',
  }),
});

const token: Field<HttpToken> = requiredSection<HttpToken>(
  'Bearer tokens that may submit; a token reads only its own messages.',
  {
    name: text({
      expects: 'a name of letters, digits, dot, underscore, hyphen',
      type: 'name',
      accepts: (value) => /^[A-Za-z0-9._-]+$/.test(value),
      charactersMax: 64,
      says: 'Name of the token in logs and metrics.',
    }),
    sha256: text({
      expects: 'the SHA-256 of the token as 64 hexadecimal digits',
      type: 'SHA-256, hexadecimal',
      accepts: (value) => /^[0-9a-fA-F]{64}$/.test(value),
      charactersMax: 64,
      says: 'SHA-256 of the token; the token itself is stored nowhere.',
      secret: true,
    }),
    from: optional(
      list(
        text({
          expects: 'an address or a pattern such as *@example.com',
          type: 'address pattern',
          accepts: (value) => /^[^\s<>]+$/.test(value),
          charactersMax: 320,
          says: 'Reverse-paths this token may use, `*` standing for any characters; absent: all.',
        }),
        { entriesMax: 100 },
      ),
    ),
  },
);

const http: Field<HttpIngressSettings> = section<HttpIngressSettings>('The HTTP API.', {
  listen: listen('127.0.0.1:8025', 'Address and port of the HTTP API.'),
  tokens: list(token, { entriesMax: 1000 }),
  bodyBytesMax: whole({
    min: 1024,
    max: 1_073_741_824,
    initial: 52_428_800,
    unit: 'bytes',
    says: 'Largest request body; larger ones get 413.',
  }),
  requestSeconds: fraction({
    min: 0.5,
    max: 3600,
    initial: 300,
    unit: 'seconds',
    says: 'A request that is not complete after this long gets 408, however busy its client looks.',
  }),
  insecure: flag({ initial: false, says: 'Start although a listener outside loopback has no token.' }),
});

export const ingress: Field<IngressSettings> = section<IngressSettings>('Accepting mail.', {
  listen: listen('127.0.0.1:9463', 'Address and port of /metrics, /livez and /readyz of the ingress.'),
  smtp,
  http,
  bodiesInFlightBytes: whole({
    min: 1_048_576,
    max: 68_719_476_736,
    initial: 268_435_456,
    unit: 'bytes',
    says: 'Message bodies one ingress process holds in memory; above it, clients wait.',
  }),
  drainSeconds: fraction({
    min: 0,
    max: 600,
    initial: 10,
    unit: 'seconds',
    says: 'Time for transactions in progress when the ingress is told to stop.',
  }),
});
