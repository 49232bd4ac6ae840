/**
 * Redis's clock without a round trip: its TIME is sampled every few seconds against the monotonic clock. Ages and rests are
 * measured with it, so that processes on machines whose clocks differ agree on them.
 */
export interface RedisClock {
  /** Milliseconds since the epoch by Redis's clock. Throws before `start` has resolved. */
  nowMs(): number;
  /** What this machine's own clock shows more than Redis's; may be negative. BullMQ uses the own one. */
  skewMs(): number;
  /** Takes the first sample and starts the timer. Rejects if Redis does not answer. */
  start(): Promise<void>;
  close(): void;
}

export interface RedisClockOptions {
  readonly client: { time(): Promise<unknown> };
  /** Between two samples. Default 5. */
  readonly sampleSeconds?: number;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** This machine's clock; default `Date.now`. */
  readonly wallMs?: () => number;
}

interface Sample {
  /** Redis's time minus the monotonic clock. */
  readonly offsetMs: number;
  /** Half the round trip: the offset is off by no more. */
  readonly uncertaintyMs: number;
  readonly takenAtMs: number;
}

/** Clocks drift apart by less than 0.2 ms a second: an old sample is that much less certain. */
const driftMsPerSecond = 0.2;

export function createRedisClock(options: RedisClockOptions): RedisClock {
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const wallMs = options.wallMs ?? (() => Date.now());
  let best: Sample | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function sample(): Promise<void> {
    const sentAtMs = monotonicMs();
    const reply = await options.client.time();
    const receivedAtMs = monotonicMs();
    best = betterSample(best, {
      offsetMs: redisMs(reply) - (sentAtMs + receivedAtMs) / 2,
      uncertaintyMs: (receivedAtMs - sentAtMs) / 2,
      takenAtMs: receivedAtMs,
    });
  }

  function nowMs(): number {
    if (best === undefined) throw new Error('the clock of Redis was read before it was started');
    return Math.round(monotonicMs() + best.offsetMs);
  }

  return {
    nowMs,
    skewMs: () => wallMs() - nowMs(),
    async start() {
      await sample();
      // Redis away: the last offset goes on counting, which is what a clock should do.
      timer ??= setInterval(() => void sample().catch(() => undefined), (options.sampleSeconds ?? 5) * 1000);
      timer.unref();
    },
    close() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/**
 * The new sample, if it is at least as certain as the old one has become, or if the two cannot both be right: then Redis's
 * clock was set, or another server answers now.
 */
function betterSample(old: Sample | undefined, fresh: Sample): Sample {
  if (old === undefined) return fresh;
  const oldUncertaintyMs = old.uncertaintyMs + ((fresh.takenAtMs - old.takenAtMs) / 1000) * driftMsPerSecond;
  const contradicts = Math.abs(fresh.offsetMs - old.offsetMs) > oldUncertaintyMs + fresh.uncertaintyMs;
  return contradicts || fresh.uncertaintyMs <= oldUncertaintyMs ? fresh : old;
}

function redisMs(reply: unknown): number {
  const [seconds, microseconds] = Array.isArray(reply) ? reply.map(Number) : [];
  if (seconds === undefined || microseconds === undefined || Number.isNaN(seconds + microseconds)) {
    throw new Error('Redis answered TIME with something that is no time');
  }
  return seconds * 1000 + microseconds / 1000;
}
