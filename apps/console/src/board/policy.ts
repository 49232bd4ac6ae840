/**
 * Each button of the Bull dashboard, allowed or refused (docs/console.md, "What its buttons do"). A route
 * that is not in this table, because a later bull-board brought it, is refused if it changes anything.
 */
export type Verdict =
  | { readonly kind: 'allowed' }
  /** `act`: its name in the audit. `why`: shown to whoever pressed the button. */
  | { readonly kind: 'refused'; readonly act: string; readonly why: string };

const allowed: Verdict = { kind: 'allowed' };

/** Allowed acts touch the due index and are audited (packages/queue, board). */
const allowedRoutes: ReadonlySet<string> = new Set([
  'put /api/queues/:queueName/pause',
  'put /api/queues/:queueName/resume',
  'put /api/queues/:queueName/promote',
  'put /api/queues/:queueName/retry/:queueStatus',
  'put /api/queues/:queueName/:jobId/promote',
  'put /api/queues/:queueName/:jobId/retry',
  'put /api/queues/:queueName/:jobId/clean',
]);

const anIndex =
  'A job is only an index entry of a message that was accepted: it is neither made nor changed here. Submit mail to the ingress.';
const noRecord =
  'This would drop mail without a result for its recipients. Delete single jobs, or use mailwheel queue delete.';
const aSetting =
  'Limits are settings of Mailwheel (destinations.<domain>.concurrencyMax); workers would write them over.';
const notAll =
  'The dashboard shows only some of the destinations. Pause or resume each of them, or use mailwheel queue hold and release.';
const notUsed = 'Mailwheel uses no schedulers and no flows of BullMQ.';

const refusedRoutes: ReadonlyMap<string, readonly [act: string, why: string]> = new Map([
  ['put /api/queues/pause', ['pause all', notAll]],
  ['put /api/queues/resume', ['resume all', notAll]],
  ['post /api/queues/:queueName/add', ['add or duplicate a job', anIndex]],
  ['patch /api/queues/:queueName/:jobId/update-data', ['edit job data', anIndex]],
  [
    'patch /api/queues/:queueName/:jobId/delay',
    ['reschedule', 'The retry schedule says when a message is tried again. Promote it to have it tried now.'],
  ],
  ['patch /api/queues/:queueName/:jobId/priority', ['change priority', anIndex]],
  ['put /api/queues/:queueName/clean/:queueStatus', ['clean', noRecord]],
  ['put /api/queues/:queueName/empty', ['empty', noRecord]],
  ['put /api/queues/:queueName/obliterate', ['obliterate', noRecord]],
  ['put /api/queues/:queueName/concurrency', ['set concurrency', aSetting]],
  ['put /api/queues/:queueName/rate-limit', ['set rate limit', aSetting]],
  ['put /api/queues/:queueName/rate-limit/release', ['release rate limit', aSetting]],
  ['put /api/queues/:queueName/job-schedulers/:schedulerId/remove', ['remove scheduler', notUsed]],
  ['patch /api/queues/:queueName/job-schedulers/:schedulerId', ['change scheduler', notUsed]],
  ['put /api/queues/:queueName/job-schedulers/:schedulerId/run', ['run scheduler', notUsed]],
  ['put /api/queues/:queueName/:jobId/remove-unprocessed-children', ['remove children', notUsed]],
  ['post /api/metrics/history/purge', ['purge history', notUsed]],
]);

/** Judges a route of bull-board, written as bull-board writes it (`put`, `/api/queues/:queueName/pause`). */
export function judge(method: string, route: string): Verdict {
  const verb = method.toLowerCase();
  if (verb === 'get') return allowed;
  const name = `${verb} ${route}`;
  if (allowedRoutes.has(name)) return allowed;
  const [act, why] = refusedRoutes.get(name) ?? [route, 'Mailwheel does not know what this does.'];
  return { kind: 'refused', act, why };
}

/** For the test that compares this table with the routes bull-board has. */
export function judgedRoutes(): string[] {
  return [...allowedRoutes, ...refusedRoutes.keys()];
}
