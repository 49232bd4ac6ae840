/** Settings of the ingress: the SMTP and HTTP listeners and what they take. */
import type { ListenAddress } from '../addresses.ts';
import {
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
import { smtp, smtps, type SmtpIngressSettings, type SmtpsIngressSettings } from './smtp.ts';

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
  readonly smtps?: SmtpsIngressSettings | undefined;
  readonly http: HttpIngressSettings;
  readonly bodiesInFlightBytes: number;
  readonly drainSeconds: number;
}

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
  smtps: optional(smtps),
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
