import { createMessageId, homeShard, jobId, parseMessageId } from '@mailwheel/envelope';
import { expect, it } from 'vitest';
import { reportId, type ReportedAttempt } from './report-id.ts';

const message = createMessageId(new Uint8Array(17).fill(9), 3);
const attempt: ReportedAttempt = {
  job: jobId(message, 0),
  attempt: 1,
  kind: 'refused',
  recipients: [2, 0],
  homeShard: 12,
};

it('is the same for the same attempt and a message id of the given shard', () => {
  const id = reportId(attempt);
  expect(reportId({ ...attempt, recipients: [0, 2] })).toBe(id);
  expect(parseMessageId(id)).toBe(id);
  expect(homeShard(id)).toBe(12);
});

it('differs with job, attempt, kind and recipients', () => {
  const others: Partial<ReportedAttempt>[] = [
    {},
    { job: jobId(message, 1) },
    { attempt: 2 },
    { kind: 'expired' },
    { recipients: [0] },
  ];
  expect(new Set(others.map((other) => reportId({ ...attempt, ...other }))).size).toBe(others.length);
});
