/** From a destination to the plan for its mail: route table (watched file or inline) first, then DNS by the MX rules. */
import type { DestinationKey } from '@mailwheel/envelope';
import type { Plan } from '@mailwheel/routing';

export interface Resolver {
  /** Answers from a short cache where TTLs allow; never throws for what DNS does (it is a `defer` or `bounce` plan). */
  planFor(destination: DestinationKey): Promise<Plan>;
  /** Synchronous answer when it is cached and fresh: the hot path awaits nothing. */
  cachedPlan(destination: DestinationKey): Plan | undefined;
  close(): Promise<void>;
}
