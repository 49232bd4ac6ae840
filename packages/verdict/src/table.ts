/**
 * The verdict table as data: what a host's conduct means for the rest of the attempt, for the host, and for the
 * recipients. docs/verdicts.md shows it to operators; a test keeps the two equal.
 *
 * The rows stand in the order in which they are tried, and the first that fits decides. That is the order of their numbers
 * but for row 15 (refused for good), which comes after its exceptions 16 and 17.
 */
import type { Phase } from '@mailwheel/envelope';
import type { HostHealthEffect, NextStep, RecipientFate, Trouble } from './types.ts';

/** Circumstances of a happening that a row may ask for. */
export interface Circumstances {
  readonly reused?: boolean;
  readonly firstCommand?: boolean;
  readonly rcptAccepted?: boolean;
  readonly terminatorSent?: boolean;
  readonly sameHostRetried?: boolean;
  readonly heloAccepted?: boolean;
  readonly restTransaction?: boolean;
}

/** What must be true of a reply; every piece that is present must hold. */
export interface ReplyPattern {
  /** First digits of the basic code. */
  readonly classes?: readonly number[];
  readonly codes?: readonly number[];
  readonly exceptCodes?: readonly number[];
  /**
   * `bare`: no enhanced code (or one of another class). `4.3`: that class and subject. `x.5.3`: that subject and detail in
   * the reply's own class.
   */
  readonly enhanced?: readonly string[];
}

/** One way for a row to fit: all pieces that are present must hold; troubles and replies are alternatives. */
export interface RowCase {
  /** Absent: in any phase. */
  readonly phases?: readonly Phase[];
  /** `any`: every trouble. Absent: no trouble fits. */
  readonly troubles?: readonly Trouble[] | 'any';
  /** Absent: no reply fits. */
  readonly replies?: ReplyPattern;
  readonly when?: Circumstances;
  /** Where this case differs from its row's effect. */
  readonly effect?: Partial<RowEffect>;
}

export interface RowEffect {
  readonly next: NextStep;
  readonly health: HostHealthEffect;
  readonly fate: RecipientFate;
  /** Status of a DSN where the reply carries none. */
  readonly enhancedCode: string;
  readonly withoutPipelining?: true;
  readonly notBeforeSeconds?: number;
  /** The host answered: a probe that met this has succeeded. */
  readonly probeSucceeded?: true;
  readonly unclassified?: true;
}

export interface VerdictRow {
  readonly row: number;
  /** What happened, for operators. */
  readonly what: string;
  readonly cases: readonly RowCase[];
  readonly effect: RowEffect;
  /** The effect instead, once this host's one fresh connection in this attempt is used up. */
  readonly afterRetry?: RowEffect;
  /** What the effect's words leave out, for operators. */
  readonly note?: string;
}

/**
 * Asked of troubles and of replies to the body. Not of replies to the envelope: what a host said to MAIL, RCPT or DATA means
 * the same whether or not the body followed for other recipients.
 */
const beforeTerminator: Circumstances = { terminatorSent: false };
const refusals: readonly number[] = [4, 5];
/** From the first command after the greeting to the reply after the terminator. */
const afterGreeting: readonly Phase[] = ['ehlo', 'auth', 'mail', 'rcpt', 'data', 'body', 'final'];
/** A reply that comes while the body is still going out is taken as the final reply, early. */
const finalReply: readonly Phase[] = ['body', 'final'];
const wholeMessage: readonly Phase[] = ['mail', 'data', ...finalReply];
const envelopePhases: readonly Phase[] = ['mail', 'rcpt', 'data'];
const hostTrouble: readonly string[] = ['4.3', '4.4'];

const rowsBeforeMail: readonly VerdictRow[] = [
  {
    row: 0,
    what: 'DATA refused although no RCPT of the transaction was accepted (the recipients have their own answers)',
    cases: [{ phases: ['data'], replies: { classes: refusals }, when: { rcptAccepted: false } }],
    effect: { next: 'continue', health: 'none', fate: 'none', enhancedCode: '4.0.0' },
    note: 'does not count',
  },
  {
    row: 1,
    what: 'Refused, unreachable, lost or timed out before the greeting, EHLO time-out, TLS failure under a required policy',
    cases: [
      { phases: ['connect', 'greeting'], troubles: ['refused', 'timeout', 'lost'], when: beforeTerminator },
      { phases: ['ehlo'], troubles: ['timeout'], when: beforeTerminator },
      {
        phases: ['tls'],
        troubles: ['refused', 'timeout', 'lost'],
        when: beforeTerminator,
        effect: { enhancedCode: '4.7.5' },
      },
      {
        phases: ['connect', 'tls', 'greeting', 'ehlo'],
        troubles: ['tls'],
        when: beforeTerminator,
        effect: { enhancedCode: '4.7.5' },
      },
      { troubles: ['starttls-missing'], when: beforeTerminator, effect: { enhancedCode: '4.7.5' } },
      {
        phases: ['tls'],
        replies: { classes: refusals, exceptCodes: [421] },
        when: beforeTerminator,
        effect: { enhancedCode: '4.7.5' },
      },
    ],
    effect: { next: 'next-host', health: 'fail', fate: 'defer', enhancedCode: '4.4.1' },
    note: '4.4.1, TLS 4.7.5',
  },
  {
    row: 2,
    what: 'Greeting 4xx or 5xx, EHLO and HELO both refused, our AUTH refused or impossible, 530 or 535 anywhere',
    cases: [
      { phases: ['greeting'], replies: { classes: refusals } },
      {
        phases: ['ehlo'],
        replies: { classes: refusals, exceptCodes: [421] },
        when: { heloAccepted: false },
      },
      { phases: ['auth'], replies: { classes: refusals, exceptCodes: [421] } },
      { replies: { codes: [530, 535] } },
      { troubles: ['auth-unavailable'], when: beforeTerminator },
    ],
    effect: { next: 'next-host', health: 'fail', fate: 'defer', enhancedCode: '4.0.0' },
    note: 'until expiry, also for 5xx',
  },
  {
    row: 3,
    what: 'STARTTLS refused or its handshake failed, policy `opportunistic`',
    cases: [{ troubles: ['starttls-failed'], when: beforeTerminator }],
    effect: { next: 'same-host-plain', health: 'none', fate: 'none', enhancedCode: '4.7.5' },
    note: 'remembered for an hour',
  },
  {
    row: 4,
    what: 'EHLO refused (not by 421), HELO accepted',
    cases: [
      {
        phases: ['ehlo'],
        replies: { classes: refusals, exceptCodes: [421] },
        when: { heloAccepted: true },
      },
    ],
    effect: { next: 'continue', health: 'none', fate: 'none', enhancedCode: '4.0.0' },
    note: 'without extensions',
  },
];

const rowsOfTheConnection: readonly VerdictRow[] = [
  {
    row: 5,
    what: '421, EOF or reset when found idle, or as answer to the first command of a transaction on a reused connection',
    cases: [
      {
        phases: envelopePhases,
        troubles: ['lost'],
        when: { reused: true, firstCommand: true, terminatorSent: false, sameHostRetried: false },
      },
      {
        phases: envelopePhases,
        replies: { codes: [421] },
        when: { reused: true, firstCommand: true, sameHostRetried: false },
      },
    ],
    effect: { next: 'same-host-fresh', health: 'none', fate: 'none', enhancedCode: '4.4.2' },
    note: 'no retry spent',
  },
  {
    row: 6,
    what: '421 at any other place before the terminator',
    cases: [
      { phases: ['tls', 'ehlo', 'auth', ...envelopePhases], replies: { codes: [421] } },
      { phases: finalReply, replies: { codes: [421] }, when: beforeTerminator },
    ],
    effect: { next: 'next-host', health: 'fail', fate: 'defer', enhancedCode: '4.0.0' },
  },
  {
    row: 7,
    what: 'Connection lost or time-out after the greeting, terminator not yet handed to the socket',
    cases: [
      { phases: afterGreeting, troubles: ['lost', 'timeout', 'refused', 'tls'], when: beforeTerminator },
    ],
    effect: { next: 'next-host', health: 'soft', fate: 'defer', enhancedCode: '4.4.2' },
    note: '4.4.2',
  },
];

const rowsOfTransientReplies: readonly VerdictRow[] = [
  {
    row: 8,
    what: 'MAIL 4xx with 4.3.x or 4.4.x, or bare 451 or 452 ("mail system full")',
    cases: [
      { phases: ['mail'], replies: { classes: [4], enhanced: hostTrouble } },
      { phases: ['mail'], replies: { codes: [451, 452], enhanced: ['bare'] } },
    ],
    effect: { next: 'next-host', health: 'fail', fate: 'defer', enhancedCode: '4.0.0' },
  },
  {
    row: 9,
    what: 'DATA or final reply 4xx with 4.3.x or 4.4.x, or bare 451 or 452',
    cases: [
      { phases: ['data', ...finalReply], replies: { classes: [4], enhanced: hostTrouble } },
      { phases: ['data', ...finalReply], replies: { codes: [451, 452], enhanced: ['bare'] } },
    ],
    effect: { next: 'next-host', health: 'soft', fate: 'defer', enhancedCode: '4.0.0' },
  },
  {
    row: 10,
    what: 'MAIL, DATA or final reply: other 4xx',
    cases: [{ phases: wholeMessage, replies: { classes: [4] } }],
    effect: { next: 'next-host', health: 'none', fate: 'defer', enhancedCode: '4.0.0', probeSucceeded: true },
  },
  {
    row: 11,
    what: 'RCPT 4.3.x or 4.4.x',
    cases: [{ phases: ['rcpt'], replies: { classes: [4], enhanced: hostTrouble } }],
    effect: { next: 'next-host', health: 'soft', fate: 'defer', enhancedCode: '4.0.0' },
    note: 'these recipients',
  },
  {
    row: 12,
    what: 'RCPT 452 or 552 with x.5.3 or bare, after at least one RCPT of this transaction was accepted (RFC 5321 section 4.5.3.1.10)',
    cases: [
      {
        phases: ['rcpt'],
        replies: { codes: [452, 552], enhanced: ['bare', 'x.5.3'] },
        when: { rcptAccepted: true },
      },
      {
        phases: ['rcpt'],
        replies: { codes: [452, 552], enhanced: ['bare', 'x.5.3'] },
        when: { rcptAccepted: false, restTransaction: true },
        effect: { next: 'stop' },
      },
    ],
    effect: { next: 'same-host-rest', health: 'none', fate: 'defer', enhancedCode: '4.0.0' },
    note: 'these recipients; at once when the rest is refused as well',
  },
  {
    row: 13,
    what: 'RCPT 4.2.x (mailbox)',
    cases: [{ phases: ['rcpt'], replies: { classes: [4], enhanced: ['4.2'] } }],
    effect: { next: 'stop', health: 'none', fate: 'defer', enhancedCode: '4.0.0', probeSucceeded: true },
    note: 'these recipients',
  },
  {
    row: 14,
    what: 'RCPT other 4xx (450, 4.7.x, greylisting)',
    cases: [{ phases: ['rcpt'], replies: { classes: [4] } }],
    effect: {
      next: 'next-host',
      health: 'none',
      fate: 'defer',
      enhancedCode: '4.0.0',
      probeSucceeded: true,
      notBeforeSeconds: 60,
    },
    note: 'these recipients; not before 60 s, same host first',
  },
];

const rowsOfRefusals: readonly VerdictRow[] = [
  {
    row: 16,
    what: '500, 501 5.5.x, 502, 503, 504 or 555 at MAIL, RCPT or DATA, or a reply out of step: the session is broken, not the message',
    cases: [
      { phases: envelopePhases, replies: { codes: [500, 502, 503, 504, 555] } },
      { phases: envelopePhases, replies: { codes: [501], enhanced: ['5.5'] } },
      { replies: { classes: [2, 3] }, when: beforeTerminator },
      { troubles: ['out-of-step'], when: beforeTerminator },
    ],
    effect: {
      next: 'same-host-fresh',
      health: 'soft',
      fate: 'defer',
      enhancedCode: '4.0.0',
      withoutPipelining: true,
    },
    afterRetry: { next: 'next-host', health: 'soft', fate: 'defer', enhancedCode: '4.0.0' },
    note: 'without pipelining',
  },
  {
    row: 17,
    what: 'The host lacks SMTPUTF8 and an address needs it; message above its SIZE; a required extension absent',
    cases: [
      { troubles: ['smtputf8-missing'], when: beforeTerminator },
      { troubles: ['size-exceeded'], when: beforeTerminator, effect: { enhancedCode: '5.3.4' } },
      { troubles: ['extension-missing'], when: beforeTerminator, effect: { enhancedCode: '5.3.3' } },
    ],
    effect: {
      next: 'next-host',
      health: 'none',
      fate: 'bounce',
      enhancedCode: '5.6.7',
      probeSucceeded: true,
    },
    note: '5.6.7, size 5.3.4, other 5.3.3',
  },
  {
    row: 15,
    what: '5xx at MAIL, RCPT, DATA or final reply, except rows 2, 12, 16, 17',
    cases: [{ phases: ['rcpt', ...wholeMessage], replies: { classes: [5] } }],
    effect: { next: 'stop', health: 'none', fate: 'bounce', enhancedCode: '5.0.0', probeSucceeded: true },
    note: 'these recipients',
  },
  {
    row: 18,
    what: 'Terminator handed over, no reply to it (lost, time-out, or something that is no answer)',
    cases: [
      { troubles: 'any', when: { terminatorSent: true } },
      { replies: { classes: [2, 3] }, when: { terminatorSent: true } },
    ],
    effect: { next: 'stop', health: 'soft', fate: 'unknown-outcome', enhancedCode: '4.4.2' },
  },
  {
    row: 19,
    what: 'Anything not recognised',
    cases: [{ troubles: 'any', replies: {} }],
    effect: { next: 'next-host', health: 'none', fate: 'defer', enhancedCode: '4.0.0', unclassified: true },
    note: 'counted `unclassified`',
  },
];

/** Row 0 and the 19 rows of the table, in the order in which they are tried. */
export const verdictRows: readonly VerdictRow[] = [
  ...rowsBeforeMail,
  ...rowsOfTheConnection,
  ...rowsOfTransientReplies,
  ...rowsOfRefusals,
];
