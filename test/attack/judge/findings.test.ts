/** The judge of the attack, judged: each promise that is broken in the evidence is found, and what has its cause is not. */
import { describe, expect, it } from 'vitest';
import type { AnswerRecord, FaultRecord, SubmitRecord, TransactionRecord } from '../records.ts';
import type { Evidence } from './evidence.ts';
import { judge } from './findings.ts';

const atMs = 1_000_000;

const submit: SubmitRecord = {
  kind: 'submit',
  number: 7,
  atMs,
  via: 'smtp',
  from: 'sender.7@home.test',
  to: ['user0.7@d1.test', 'unknown1.7@d1.test'],
  digest: 'digest',
  bytes: 100,
};

const accepted: AnswerRecord = {
  kind: 'answer',
  number: 7,
  atMs,
  ingress: 'ingress-0',
  code: 250,
  reply: 'Ok',
  id: 'm7',
};
const refused: AnswerRecord = { ...accepted, code: 451, reply: 'later' };

const delivery: TransactionRecord = {
  kind: 'transaction',
  host: 'h1a',
  clientPort: 4000,
  worker: 'worker-0',
  dataAtMs: atMs + 100,
  dotAtMs: atMs + 110,
  outcome: 'taken',
  replyAtMs: atMs + 110,
  answers: true,
  from: submit.from,
  to: ['user0.7@d1.test'],
  number: 7,
  id: 'm7',
  digest: 'digest',
  contentDigest: 'content',
};

const report: TransactionRecord = {
  ...delivery,
  host: 'homea',
  from: '',
  to: [submit.from],
  digest: 'other',
  report: { id: 'r1', recipients: [{ address: 'unknown1.7@d1.test', action: 'failed' }] },
};

interface Case {
  readonly answers?: readonly AnswerRecord[];
  readonly deliveries?: readonly TransactionRecord[];
  readonly reports?: readonly TransactionRecord[];
  readonly more?: Partial<Evidence>;
}

function evidence({
  answers = [accepted],
  deliveries = [delivery],
  reports = [report],
  more,
}: Case): Evidence {
  return {
    layout: {
      seed: 1,
      redisPort: 0,
      shards: 1,
      lockMs: 8_000,
      renewMs: 1_000,
      homeDomain: 'home.test',
      hostsOf: { 'd1.test': ['h1a', 'h1b'], 'home.test': ['homea'] },
      ingressLogs: {},
    },
    submissions: new Map([[7, { submit, answers: [...answers], silences: [] }]]),
    transactions: new Map([[7, [...deliveries]]]),
    reports: new Map([[7, [...reports]]]),
    refusals: new Map(),
    cuts: [],
    faults: [],
    ends: [],
    unknownAccepts: new Set(),
    strange: [],
    ...more,
  };
}

function found(of: Case): string[] {
  return judge(evidence(of)).findings.map((finding) => finding.what);
}

const second: TransactionRecord = {
  ...delivery,
  host: 'h1b',
  clientPort: 4001,
  dataAtMs: atMs + 20_000,
  dotAtMs: atMs + 20_000,
  replyAtMs: atMs + 20_000,
};
const fault = (act: string, victim: string, fromMs: number, forMs: number): FaultRecord => ({
  kind: 'fault',
  act,
  victim,
  atMs: atMs + fromMs,
  untilMs: atMs + fromMs + forMs,
});

describe('the judge', () => {
  it('finds nothing where everything came once, delivered or reported on', () => {
    expect(found({})).toEqual([]);
    expect(judge(evidence({})).tally).toMatchObject({ accepted: 1, delivered: 1, bounced: 1 });
  });

  it.each<[string, Case]>([
    ['lost', { deliveries: [] }],
    ['lost', { reports: [] }],
    ['lost', { deliveries: [{ ...delivery, outcome: 'lost' }] }],
    ['lost', { reports: [{ ...report, outcome: 'refused' }] }],
    ['body changed', { deliveries: [{ ...delivery, digest: 'spoiled' }] }],
    ['wrong host', { deliveries: [{ ...delivery, host: 'homea' }] }],
    ['wrong host', { deliveries: [delivery, { ...delivery, to: ['somebody.7@d1.test'] }] }],
    ['other message id than was told', { deliveries: [{ ...delivery, id: 'm8' }] }],
    ['reached somebody though it was refused', { answers: [refused] }],
    [
      'reached some of its recipients only',
      { answers: [refused], reports: [], more: { unknownAccepts: new Set(['m7']) } },
    ],
    [
      'a message that nobody submitted',
      {
        more: {
          transactions: new Map([
            [7, [delivery]],
            [9, [delivery]],
          ]),
        },
      },
    ],
    ['second copy without a cause', { deliveries: [delivery, second] }],
    ['second copy without a cause', { reports: [report, { ...report, clientPort: 4002 }] }],
    [
      'second copy without a cause',
      { reports: [report, { ...report, report: { id: 'r2', recipients: report.report?.recipients ?? [] } }] },
    ],
  ])('finds "%s"', (what, of) => {
    expect(found(of)).toEqual([what]);
  });

  it('finds what reached a host although its client never finished it', () => {
    const silence = { kind: 'silence', number: 7, atMs, ingress: 'ingress-0', complete: false } as const;
    const submissions = new Map([[7, { submit, answers: [], silences: [silence] }]]);
    expect(found({ reports: [], more: { submissions } })).toEqual([
      'reached somebody though it was never finished',
    ]);
  });

  it('lets what is counted accept_unknown reach all of its recipients', () => {
    expect(found({ answers: [refused], more: { unknownAccepts: new Set(['m7']) } })).toEqual([]);
  });

  it.each<[string, Case]>([
    ['its reply was never sent', { deliveries: [{ ...delivery, answers: false }, second] }],
    [
      'its reply was cut off',
      {
        deliveries: [delivery, second],
        more: {
          cuts: [{ kind: 'cut', atMs: atMs + 120, host: 'h1a', clientPort: 4000, place: 'after-dot' }],
        },
      },
    ],
    [
      'its worker was killed',
      {
        deliveries: [delivery, second],
        more: {
          ends: [
            {
              kind: 'end',
              victim: 'worker-0',
              atMs: atMs + 300,
              code: null,
              signal: 'SIGKILL',
              ready: true,
              why: 'killed',
            },
          ],
        },
      },
    ],
    [
      'its worker was sent a SIGKILL whose effect was noticed late',
      { deliveries: [delivery, second], more: { faults: [fault('kill', 'worker-0', 300, 0)] } },
    ],
    [
      'its worker was stopped for longer than the lock',
      { deliveries: [delivery, second], more: { faults: [fault('freeze', 'worker-0', 105, 9_000)] } },
    ],
    [
      'Redis was away for longer than the lock',
      { deliveries: [delivery, second], more: { faults: [fault('redis-kill', 'redis', 200, 9_000)] } },
    ],
  ])('accepts a second copy because %s', (_why, of) => {
    expect(found(of)).toEqual([]);
  });

  it.each<[string, Partial<Evidence>]>([
    ['another worker was stopped', { faults: [fault('freeze', 'worker-1', 105, 9_000)] }],
    ['the stop was shorter than the lock', { faults: [fault('freeze', 'worker-0', 105, 3_000)] }],
    ['the stop came long after the record', { faults: [fault('freeze', 'worker-0', 5_000, 9_000)] }],
    [
      'the connection was cut before the dot',
      { cuts: [{ kind: 'cut', atMs: atMs + 120, host: 'h1a', clientPort: 4000, place: 'before-dot' }] },
    ],
  ])('does not accept one although %s', (_why, more) => {
    expect(found({ deliveries: [delivery, second], more })).toEqual(['second copy without a cause']);
  });
});
