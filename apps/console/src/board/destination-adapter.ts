/**
 * A destination's queue as bull-board sees it. What Mailwheel does not use of BullMQ (flows, kept completed jobs, schedulers,
 * rate limits) is left out: it would be shown as empty, and each would cost Redis a question a queue and poll.
 */
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { JobStatus, QueueJobJson } from '@bull-board/api/typings/app';
import { destinationAddress, parseJobId, type DestinationKey } from '@mailwheel/envelope';
import type { DestinationQueue } from '@mailwheel/queue/board';

const statuses: readonly JobStatus[] = ['active', 'waiting', 'prioritized', 'delayed', 'failed'];

export class DestinationAdapter extends BullMQAdapter {
  constructor(queue: DestinationQueue, destination: DestinationKey) {
    const address = destinationAddress(destination);
    super(queue, {
      externalJobUrl: (job) => messageLink(job),
      ...(address === undefined ? {} : { displayName: address }),
    });
    this.setFormatter('name', (job: QueueJobJson) => jobTitle(job));
  }

  override getJobStatuses(): JobStatus[] {
    return [...statuses];
  }

  override get supportsGlobalRateLimit(): boolean {
    return false;
  }

  override async getActiveRateLimitTtl(): Promise<number> {
    return 0;
  }

  override async getJobSchedulersCount(): Promise<number> {
    return 0;
  }
}

function messageLink(job: QueueJobJson): { readonly displayText: string; readonly href: string } {
  const message = parseJobId(String(job.id ?? ''))?.messageId;
  return message === undefined
    ? { displayText: 'not one of ours', href: '/' }
    : { displayText: 'Message and its attempts', href: `/messages/${message}` };
}

/** `a@example.org to b@example.com and 2 more`. Data typed in by hand may have any form. */
export function jobTitle(job: { readonly name: string; readonly data: unknown }): string {
  const { from, to } = (job.data ?? {}) as { readonly from?: unknown; readonly to?: unknown };
  if (typeof from !== 'string' || !Array.isArray(to)) return job.name;
  const first: unknown = Array.isArray(to[0]) ? to[0][1] : undefined;
  const more = to.length > 1 ? ` and ${to.length - 1} more` : '';
  return `${from === '' ? '<>' : from} to ${typeof first === 'string' ? first : 'nobody'}${more}`;
}
