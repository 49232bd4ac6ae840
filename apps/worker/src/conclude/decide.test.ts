import type { DestinationKey, Envelope, JobData, JobId, MessageId, Recipient } from '@mailwheel/envelope';
import type { HeldJob } from '@mailwheel/queue';
import type { Host } from '@mailwheel/routing';
import { parseReply, type Verdict } from '@mailwheel/verdict';
import { describe, expect, test } from 'vitest';
import { RecipientBoard, type Remark } from '../attempt/board.ts';
import { conclude, type Conclusion, type ConclusionInput, type ConclusionSettings } from './decide.ts';

const host: Host = {
  key: 'h1',
  label: '10.0.0.1:25',
  address: '10.0.0.1',
  port: 25,
  policy: { tls: 'none' },
};
const settings: ConclusionSettings = {
  retry: {
    firstWaitSeconds: 60,
    longestWaitSeconds: 3600,
    maxAgeSeconds: 259_200,
    maxAttempts: 100,
    jitter: 0,
  },
  unknownOutcome: 'retry',
  delayWarningSeconds: 0,
  delayWarningsMax: 1,
  lastRepliesMax: 2,
};
const message = 'm00aaaaaaaaaaaaaaaaaaaaaaaaaa' as MessageId;

function recipient(index: number): Recipient {
  return { index, address: `u${index}@example.com`, destination: 'example.com' as DestinationKey };
}

function envelope(count: number): Envelope {
  return {
    messageId: message,
    messageNumber: 7,
    reversePath: 's@source.test',
    recipients: Array.from({ length: count }, (_, index) => recipient(index)),
    smtpUtf8: false,
    body: '7BIT',
    bodyBytes: 10,
    priority: 'normal',
    acceptedAtMs: 1_000_000,
    origin: { protocol: 'smtp', clientAddress: '127.0.0.1', connectionNumber: 1 },
  };
}

function job(count: number, data: Partial<JobData> = {}, attemptsMade = 0): HeldJob {
  const to = Array.from({ length: count }, (_, index) => [index, `u${index}@example.com`] as const);
  return {
    id: `${message}-0` as JobId,
    destination: 'example.com' as DestinationKey,
    data: { v: 1, message, from: 's@source.test', to, acceptedAtMs: 1_000_000, priority: 'normal', ...data },
    attemptsMade,
    stalledCount: 0,
    token: 't',
  };
}

function said(line: string, part: Partial<Verdict>): Remark {
  const verdict: Verdict = {
    row: 8,
    next: 'stop',
    health: 'none',
    fate: 'defer',
    enhancedCode: '4.0.0',
    probeSucceeded: false,
    ...part,
  };
  const reply = parseReply(line);
  if (reply === undefined) throw new Error(`no reply: ${line}`);
  return {
    verdict,
    happening: {
      phase: 'rcpt',
      cause: { kind: 'reply', reply },
      reused: false,
      firstCommand: false,
      rcptAccepted: false,
      terminatorSent: false,
      sameHostRetried: false,
    },
    host,
    atMs: 1_000_500,
  };
}

function concluded(
  remarks: readonly (Remark | 'accepted' | 'silent')[],
  over: { settings?: Partial<ConclusionSettings>; input?: Partial<ConclusionInput> } = {},
): Conclusion {
  const count = remarks.length;
  const board = new RecipientBoard(envelope(count).recipients);
  remarks.forEach((remark, index) => {
    if (remark === 'accepted')
      board.accepted(index, { code: 250, text: 'Ok', line: '250 Ok' }, { host, atMs: 1_000_500 });
    else if (remark !== 'silent') board.judged(index, remark);
  });
  board.exhausted(true);
  return conclude(
    { ...settings, ...over.settings },
    {
      job: job(count),
      envelope: envelope(count),
      board,
      lastReplies: new Map([[host.label, { reply: 'the last word', atMs: 1_000_500, phase: 'rcpt' }]]),
      hostsResting: false,
      nowMs: 1_000_600,
      random: () => 0.5,
      ...over.input,
    },
  );
}

const full = said('452 4.3.1 full', { health: 'fail' });
const mailbox = said('452 4.2.2 mailbox full', {});
const gone = said('550 5.1.1 gone', { fate: 'bounce', enhancedCode: '5.0.0' });
const lost = said('250 never came', { fate: 'unknown-outcome', row: 18 });

describe('what an attempt leads to', () => {
  test('all delivered: the job is completed', () => {
    expect(concluded(['accepted', 'accepted']).move).toEqual({ kind: 'complete' });
  });

  test('one bounced: recorded, reported, and the job is kept as failed with the reply as its reason', () => {
    const { results, reports, move } = concluded(['accepted', gone]);
    expect([...results.values()].map((one) => one.state)).toEqual(['delivered', 'bounced']);
    expect(reports).toMatchObject([
      { why: 'refused', recipients: [{ index: 1, status: '5.1.1', action: 'failed' }] },
    ]);
    expect(move).toMatchObject({ kind: 'fail', reason: '550 5.1.1 gone', data: { failedRecipients: 1 } });
  });

  test('one deferred: the job waits with that recipient alone, an attempt is spent', () => {
    const { move, results } = concluded(['accepted', mailbox]);
    expect(results.size).toBe(1);
    expect(move).toMatchObject({
      kind: 'defer',
      deferral: {
        delayMs: 60_000,
        countAttempt: true,
        parked: false,
        reason: '452 4.2.2 mailbox full',
        data: { to: [[1, 'u1@example.com']] },
      },
    });
  });

  test('a recipient that bounced earlier makes the job end as failed when the rest is delivered', () => {
    const { move } = concluded(['accepted'], { input: { job: job(1, { failedRecipients: 1 }) } });
    expect(move.kind).toBe('fail');
  });

  test('every host rests: parked, so that a returning host brings it forward; a full mailbox is not', () => {
    const resting = { input: { hostsResting: true } };
    expect(concluded([full], resting).move).toMatchObject({ deferral: { parked: true } });
    expect(concluded([mailbox], resting).move).toMatchObject({ deferral: { parked: false } });
    expect(concluded([full, mailbox], resting).move).toMatchObject({ deferral: { parked: false } });
  });

  test('greylisting: not before its time, the same host first', () => {
    const grey = said('450 4.7.1 later', { notBeforeSeconds: 300 });
    expect(concluded([grey]).move).toMatchObject({
      deferral: { delayMs: 300_000, data: { sameHostFirst: host.label } },
    });
  });

  test('too old: expired, one report, with what each host said last', () => {
    const { results, reports, move } = concluded([full, 'silent'], {
      input: { nowMs: 1_000_000 + 259_200_000 },
    });
    expect([...results.values()].map((one) => one.state)).toEqual(['expired', 'expired']);
    expect(reports).toMatchObject([
      {
        why: 'expired',
        recipients: [
          { index: 0, status: '4.4.7', diagnosticReply: '452 4.3.1 full' },
          { index: 1, status: '4.4.7' },
        ],
      },
    ]);
    expect(move.kind).toBe('fail');
  });

  test('attempts used up: expired as well', () => {
    const last = { input: { job: job(1, {}, 99) } };
    expect(concluded([full], last).results.get(0)?.state).toBe('expired');
  });

  test('the job remembers the newest replies, as many as allowed', () => {
    const before = {
      a: { reply: 'old', atMs: 1, phase: 'rcpt' },
      b: { reply: 'older', atMs: 0, phase: 'rcpt' },
    } as const;
    const { move } = concluded([full], { input: { job: job(1, { lastReplies: before }) } });
    expect(move.kind === 'defer' && Object.keys(move.deferral.data.lastReplies ?? {})).toEqual([
      host.label,
      'a',
    ]);
  });
});

describe('outcome unknown', () => {
  test('retry: waits by the schedule, asks the same host first, and is counted', () => {
    const { move, unknown } = concluded([lost]);
    expect(move).toMatchObject({
      kind: 'defer',
      deferral: { data: { sameHostFirst: host.label, unknownOutcomes: 1 } },
    });
    expect(unknown.size).toBe(1);
  });

  test('hold: kept for an operator, nothing is decided about the recipient', () => {
    const { move, results } = concluded([lost], { settings: { unknownOutcome: 'hold' } });
    expect(move.kind).toBe('fail');
    expect(results.size).toBe(0);
  });

  test('assume-delivered: recorded as such, in words', () => {
    const { move, results } = concluded([lost], { settings: { unknownOutcome: 'assume-delivered' } });
    expect(results.get(0)).toMatchObject({ state: 'delivered', reply: expect.stringContaining('assumed') });
    expect(move.kind).toBe('complete');
  });
});

describe('delay warnings', () => {
  const warns = { delayWarningSeconds: 3600, delayWarningsMax: 2 };

  test('one when the message has waited that long, the next after as long again, then no more', () => {
    const at = (ageSeconds: number, delayNotices: number): Conclusion =>
      concluded([full], {
        settings: warns,
        input: { nowMs: 1_000_000 + ageSeconds * 1000, job: job(1, { delayNotices }) },
      });
    expect(at(3599, 0).reports).toEqual([]);
    expect(at(3600, 0).reports).toMatchObject([
      { why: 'delayed', recipients: [{ action: 'delayed', status: '4.3.1' }] },
    ]);
    expect(at(3600, 0).move).toMatchObject({ deferral: { data: { delayNotices: 1 } } });
    expect(at(3700, 1).reports).toEqual([]);
    expect(at(7200, 1).reports).toHaveLength(1);
    expect(at(99_999, 2).reports).toEqual([]);
  });

  test('off by default', () => {
    expect(concluded([full], { input: { nowMs: 1_000_000 + 86_400_000 } }).reports).toEqual([]);
  });
});
