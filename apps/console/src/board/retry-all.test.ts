import { describe, expect, it } from 'vitest';
import { Problem } from '../problem.ts';
import { answerTo } from './answers.ts';
import { retryAll, type RetriableJob } from './retry-all.ts';

/** A list of failed jobs, from which a retried one vanishes. */
function list(
  count: number,
  refused: ReadonlySet<number>,
): { left: string[]; read: Parameters<typeof retryAll>[0] } {
  const left = Array.from({ length: count }, (_, at) => String(at));
  const job = (id: string): RetriableJob => ({
    id,
    retry: async () => {
      if (refused.has(Number(id))) throw new Problem(409, 'its body is gone');
      left.splice(left.indexOf(id), 1);
    },
  });
  return { left, read: async (from, to) => left.slice(from, to + 1).map(job) };
}

const isRefusal = (error: unknown): boolean => answerTo(error).status < 500;

describe('retrying all failed jobs', () => {
  it('goes on behind those that cannot be, and tells both numbers', async () => {
    const { left, read } = list(450, new Set([0, 1, 200, 449]));
    expect(await retryAll(read, isRefusal)).toEqual({ retried: 446, skipped: 4 });
    expect(left).toEqual(['0', '1', '200', '449']);
  });

  it('ends when not even one can be', async () => {
    const all = new Set(Array.from({ length: 250 }, (_, at) => at));
    expect(await retryAll(list(250, all).read, isRefusal)).toEqual({ retried: 0, skipped: 250 });
  });

  it('ends at an error that is no refusal', async () => {
    const broken = { id: '1', retry: () => Promise.reject(new Error('Redis is away')) };
    await expect(retryAll(async () => [broken], isRefusal)).rejects.toThrow('Redis is away');
  });
});

describe('answers of the dashboard', () => {
  it('carry the status an error asks for; a state that does not fit is a conflict; the rest is trouble', () => {
    const wrongState = Object.assign(new Error('Job 1 is not in the delayed state'), { code: -3 });
    expect(
      [new Problem(409, 'no'), wrongState, new Error('x'), 'y'].map((error) => answerTo(error).status),
    ).toEqual([409, 409, 500, 500]);
    expect(answerTo(new Problem(503, 'no')).status).toBe(500);
  });
});
