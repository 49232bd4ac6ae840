/** Settings of delivery: connections, time-outs, verdicts. */
import { choice, fraction, optional, section, whole, type Field, type NumberOptions } from '../field.ts';
import { file } from './paths.ts';

export interface DeliverySettings {
  readonly verdicts: 'scoped' | 'any-4xx';
  readonly rotate: 'message' | 'connection';
  readonly unknownOutcome: 'retry' | 'hold' | 'assume-delivered';
  readonly tls: 'none' | 'opportunistic' | 'require' | 'verify';
  readonly tlsCaFile?: string | undefined;
  readonly ipPreference: 'prefer-ipv4' | 'prefer-ipv6' | 'require-ipv4' | 'require-ipv6';
  readonly hostsPerAttemptMax: number;
  readonly connectionsPerHostMax: number;
  readonly initialConnections: number;
  readonly provenSeconds: number;
  readonly messagesPerConnectionMax: number;
  readonly idleConnectionSeconds: number;
  readonly connectSeconds: number;
  readonly greetingSeconds: number;
  readonly commandSeconds: number;
  readonly dataSeconds: number;
  readonly bodyBlockSeconds: number;
  readonly finalReplySeconds: number;
  readonly attemptSeconds: number;
}

/** A time-out towards a destination host. */
function timeout(initial: number, says: string): Field<number> {
  const limits: NumberOptions = { min: 0.1, max: 3600, initial, unit: 'seconds', says };
  return fraction(limits);
}

export const delivery: Field<DeliverySettings> = section<DeliverySettings>(
  'How mail is handed to destination hosts.',
  {
    verdicts: choice(['scoped', 'any-4xx'], {
      initial: 'scoped',
      says: 'What a 4xx says about the host: judged by code and place in the dialogue, or every 4xx sets the host aside at once.',
    }),
    rotate: choice(['message', 'connection'], {
      initial: 'message',
      says: 'Whether the round robin takes a turn for each message or for each connection opened.',
    }),
    unknownOutcome: choice(['retry', 'hold', 'assume-delivered'], {
      initial: 'retry',
      says: 'What to do when the whole message was handed over and no reply came.',
    }),
    tls: choice(['none', 'opportunistic', 'require', 'verify'], {
      initial: 'opportunistic',
      says: 'TLS to destination hosts unless `nextHops` says otherwise.',
    }),
    tlsCaFile: optional(
      file(
        'Certificate authorities (PEM) to trust beside those of the system where a certificate is verified (`verify`, `implicit`).',
      ),
    ),
    ipPreference: choice(['prefer-ipv4', 'prefer-ipv6', 'require-ipv4', 'require-ipv6'], {
      initial: 'prefer-ipv4',
      says: 'Which address family of a host name forms the first tier, and whether the other is used at all.',
    }),
    hostsPerAttemptMax: whole({
      min: 1,
      max: 100,
      initial: 20,
      unit: 'hosts',
      says: 'Hosts asked within one attempt.',
    }),
    connectionsPerHostMax: whole({
      min: 1,
      max: 10_000,
      initial: 100,
      unit: 'connections',
      says: 'Connections of the whole tier to one host at a time.',
    }),
    initialConnections: whole({
      min: 1,
      max: 10_000,
      initial: 5,
      unit: 'connections',
      says: 'Connections to a host that has not taken a message lately; doubles with successes.',
    }),
    provenSeconds: whole({
      min: 1,
      max: 86_400,
      initial: 600,
      unit: 'seconds',
      says: 'How long after its last success a host keeps its full connection limit.',
    }),
    messagesPerConnectionMax: whole({
      min: 1,
      max: 1_000_000,
      initial: 1000,
      unit: 'messages',
      says: 'Messages sent over one connection before it is closed.',
    }),
    idleConnectionSeconds: timeout(15, 'An unused connection is kept open this long.'),
    connectSeconds: timeout(30, 'Wait for the connection.'),
    greetingSeconds: timeout(30, 'Wait for the greeting.'),
    commandSeconds: timeout(120, 'Wait for the answer to EHLO, STARTTLS, AUTH, MAIL and RCPT.'),
    dataSeconds: timeout(120, 'Wait for the answer to DATA.'),
    bodyBlockSeconds: timeout(180, 'Wait for the host to take a block of the body.'),
    finalReplySeconds: timeout(600, 'Wait for the reply after the message (RFC 5321 section 4.5.3.2.6).'),
    attemptSeconds: fraction({
      min: 0.5,
      max: 7200,
      initial: 900,
      unit: 'seconds',
      says: 'Longest attempt over all its hosts; it never cuts off a final reply.',
    }),
  },
);
