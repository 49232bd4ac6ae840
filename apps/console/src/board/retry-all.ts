/**
 * "Retry all" of a queue's failed jobs. bull-board's own handler ends at the first job that cannot be retried; here the others
 * are still delivered again, and those whose body is gone are counted as skipped.
 */

export interface RetriableJob {
  readonly id: string;
  retry(): Promise<void>;
}

/** Jobs `from`..`to` of the failed ones. A retried job leaves the list. */
export type FailedJobs = (from: number, to: number) => Promise<readonly RetriableJob[]>;

const portion = 100;

/** Every job is tried once. An error that is no refusal (`isRefusal`) ends it. */
export async function retryAll(
  failed: FailedJobs,
  isRefusal: (error: unknown) => boolean,
): Promise<{ readonly retried: number; readonly skipped: number }> {
  const refused = new Set<string>();
  let retried = 0;
  for (;;) {
    const jobs = await failed(refused.size, refused.size + portion - 1);
    const untried = jobs.filter(({ id }) => !refused.has(id));
    if (untried.length === 0) return { retried, skipped: refused.size };
    for (const job of untried) {
      try {
        await job.retry();
        retried += 1;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refused.add(job.id);
      }
    }
  }
}
