/** The rows of the verdict table as hosts play them: what acceptance 2 runs through (02-verdicts.test.ts). */
import type { Action, HostOptions, HostScript } from '@mailwheel/testkit';

export interface Row {
  readonly row: number | string;
  readonly name: string;
  readonly script?: HostScript;
  readonly options?: HostOptions;
  /** The first host's port answers nothing at all. */
  readonly refused?: true;
  /** Does the second host get the message in the same attempt? */
  readonly next: boolean;
  /** Health of the first host after one message: set aside at once, or not. */
  readonly setAside: boolean;
  /** With this host alone: what becomes of the recipient. */
  readonly alone: 'deferred' | 'bounced' | 'delivered';
  readonly nextHop?: Readonly<Record<string, unknown>>;
  readonly mailParameters?: string;
  readonly from?: string;
  readonly body?: string;
}

export const closing = (reply: string): Action => ({ reply, end: 'close' });

export const rows: readonly Row[] = [
  { row: 1, name: 'connection refused', refused: true, next: true, setAside: true, alone: 'deferred' },
  {
    row: 1,
    name: 'greeting never comes',
    script: { greeting: { silent: true } },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 2,
    name: 'greeting 4xx',
    script: { greeting: closing('431 Mail system full') },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 2,
    name: 'greeting 5xx',
    script: { greeting: closing('554 No SMTP service here') },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 2,
    name: 'EHLO and HELO refused',
    script: { ehlo: '550 no', helo: '550 no' },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 2,
    name: '530 at MAIL',
    script: { mail: '530 5.7.0 Authentication required' },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 4,
    name: 'EHLO 5xx, HELO accepted',
    script: { ehlo: '502 no' },
    next: false,
    setAside: false,
    alone: 'delivered',
  },
  {
    row: 6,
    name: '421 at MAIL on a fresh connection',
    script: { mail: closing('421 4.3.2 Shutting down') },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 6,
    name: '421 at RCPT',
    script: { rcpt: closing('421 4.3.2 Shutting down') },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 6,
    name: '421 at DATA',
    script: { data: closing('421 4.3.2 Shutting down') },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 7,
    name: 'connection lost at MAIL',
    script: { mail: { end: 'close' } },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 7,
    name: 'connection lost at DATA',
    script: { data: { end: 'reset' } },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 8,
    name: 'MAIL 452 4.3.1',
    script: { mail: '452 4.3.1 Insufficient system resources' },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 8,
    name: 'MAIL bare 451',
    script: { mail: '451 Local error' },
    next: true,
    setAside: true,
    alone: 'deferred',
  },
  {
    row: 9,
    name: 'DATA 4.3.x',
    script: { data: '451 4.3.0 Temporary failure' },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 9,
    name: 'final 452',
    script: { final: '452 Insufficient storage' },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 10,
    name: 'MAIL 450 4.7.1',
    script: { mail: '450 4.7.1 Try later' },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 10,
    name: 'final 450 4.7.1',
    script: { final: '450 4.7.1 Try later' },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 11,
    name: 'RCPT 4.3.x',
    script: { rcpt: '451 4.3.0 Queue problem' },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 13,
    name: 'RCPT 4.2.x',
    script: { rcpt: '452 4.2.2 Mailbox full' },
    next: false,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 14,
    name: 'RCPT 450 greylisted',
    script: { rcpt: '450 4.7.1 Greylisted' },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 15,
    name: 'RCPT 550',
    script: { rcpt: '550 5.1.1 No such user' },
    next: false,
    setAside: false,
    alone: 'bounced',
  },
  {
    row: 15,
    name: 'MAIL 550',
    script: { mail: '550 5.7.1 Not from you' },
    next: false,
    setAside: false,
    alone: 'bounced',
  },
  {
    row: 15,
    name: 'final 554',
    script: { final: '554 5.6.0 Not this' },
    next: false,
    setAside: false,
    alone: 'bounced',
  },
  {
    row: 16,
    name: '503 at MAIL, on a fresh connection too',
    script: { mail: '503 5.5.1 Bad sequence' },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 17,
    name: 'SIZE too small',
    options: { extensions: ['PIPELINING', '8BITMIME', 'SIZE 200', 'ENHANCEDSTATUSCODES'] },
    body: `Subject: long\r\n\r\n${'x'.repeat(70)}\r\n${'y'.repeat(300)}\r\n`,
    next: true,
    setAside: false,
    alone: 'bounced',
  },
  {
    row: 18,
    name: 'reply after the dot lost',
    script: { final: { end: 'close' } },
    next: false,
    setAside: false,
    alone: 'deferred',
  },
  {
    row: 19,
    name: 'a reply of no known class at RCPT',
    script: { rcpt: '399 what' },
    next: true,
    setAside: false,
    alone: 'deferred',
  },
];
