/** Reading what lies in a queue. Jobs may have been typed into a dashboard, or be ghosts of a vanished hash: trust nothing. */
import { parseJobId, type JobData } from '@mailwheel/envelope';
import type { Oddity } from './types.ts';

export type ReadJobData =
  | { readonly kind: 'ours'; readonly data: JobData }
  | { readonly kind: Oddity['kind']; readonly detail: string };

/** The name every job of ours carries. */
export const jobName = 'deliver';

/** Validates a job's id and JSON. */
export function readJobData(id: string, json: string | undefined): ReadJobData {
  if (json === undefined || json === '' || json === '{}') {
    return { kind: 'ghost', detail: 'the job has no data' };
  }
  const parsedId = parseJobId(id);
  if (parsedId === undefined) return { kind: 'foreign', detail: 'the id is none of ours' };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return { kind: 'malformed', detail: `the data is no JSON: ${String(error)}` };
  }
  if (!isJobData(value)) return { kind: 'malformed', detail: 'the data lacks fields or has wrong ones' };
  if (value.message !== parsedId.messageId) {
    return { kind: 'foreign', detail: 'id and data name different messages' };
  }
  return { kind: 'ours', data: value };
}

function isJobData(value: unknown): value is JobData {
  if (typeof value !== 'object' || value === null) return false;
  const data = value as Partial<Record<keyof JobData, unknown>>;
  return (
    data.v === 1 &&
    typeof data.message === 'string' &&
    typeof data.from === 'string' &&
    typeof data.acceptedAtMs === 'number' &&
    (data.priority === 'high' || data.priority === 'normal' || data.priority === 'bulk') &&
    Array.isArray(data.to) &&
    data.to.every(isOpenRecipient) &&
    (data.lastReplies === undefined || (typeof data.lastReplies === 'object' && data.lastReplies !== null)) &&
    (data.sameHostFirst === undefined || typeof data.sameHostFirst === 'string') &&
    (data.unknownOutcomes === undefined || typeof data.unknownOutcomes === 'number') &&
    (data.delayNotices === undefined || typeof data.delayNotices === 'number')
  );
}

function isOpenRecipient(entry: unknown): boolean {
  return Array.isArray(entry) && typeof entry[0] === 'number' && typeof entry[1] === 'string';
}
