/** From a submission to what is written where: the envelope with its ids, and its jobs by shard. */
import { homeShard, jobId, shardOf, splitIntoJobs } from '@mailwheel/envelope';
import type { Envelope, MessageId } from '@mailwheel/envelope';
import type { AcceptedJob } from './deps.ts';
import type { NewEnvelope } from './types.ts';

export interface Plan {
  readonly envelope: Envelope;
  readonly body: Buffer;
  readonly home: { readonly shard: number; readonly jobs: readonly AcceptedJob[] };
  /** Shards besides the home shard; none: one MULTI commits it all. */
  readonly elsewhere: readonly { readonly shard: number; readonly jobs: readonly AcceptedJob[] }[];
}

export interface PlanIds {
  readonly messageId: MessageId;
  readonly messageNumber: number;
  readonly acceptedAtMs: number;
}

export interface PlanOptions {
  readonly shards: number;
  readonly recipientsPerJobMax?: number;
}

export function planMessage(
  submission: { readonly envelope: NewEnvelope; readonly body: Buffer },
  ids: PlanIds,
  options: PlanOptions,
): Plan {
  const envelope: Envelope = { ...submission.envelope, ...ids, bodyBytes: submission.body.length };
  const home = homeShard(ids.messageId);
  const byShard = new Map<number, AcceptedJob[]>([[home, []]]);
  for (const part of splitIntoJobs(envelope.recipients, options)) {
    const shard = shardOf(part.destination, options.shards);
    const jobs = byShard.get(shard) ?? [];
    byShard.set(shard, jobs);
    jobs.push({
      id: jobId(ids.messageId, part.part),
      destination: part.destination,
      priority: envelope.priority,
      data: {
        v: 1,
        message: ids.messageId,
        from: envelope.reversePath,
        to: part.indices.map((index) => [index, envelope.recipients[index]?.address ?? '']),
        acceptedAtMs: ids.acceptedAtMs,
        priority: envelope.priority,
      },
    });
  }
  return {
    envelope,
    body: submission.body,
    home: { shard: home, jobs: byShard.get(home) ?? [] },
    elsewhere: [...byShard].filter(([shard]) => shard !== home).map(([shard, jobs]) => ({ shard, jobs })),
  };
}

export function allJobs(plan: Plan): AcceptedJob[] {
  return [plan.home, ...plan.elsewhere].flatMap(({ jobs }) => jobs);
}
