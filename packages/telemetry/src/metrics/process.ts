/** What every process shows about itself and its Redis. */

export const processMetrics = {
  redisUp: {
    kind: 'gauge',
    name: 'mailwheel_redis_up',
    help: '1 while Redis answers this process, else 0.',
    labels: [],
  },
  redisMemoryRatio: {
    kind: 'gauge',
    name: 'mailwheel_redis_memory_ratio',
    help: 'Used memory of Redis as a share of its maxmemory.',
    labels: [],
  },
  clockSkewSeconds: {
    kind: 'gauge',
    name: 'mailwheel_clock_skew_seconds',
    help: 'Clock of this process minus clock of Redis.',
    labels: [],
  },
  routeReloads: {
    kind: 'counter',
    name: 'mailwheel_route_reloads_total',
    help: 'Changes of the routes that were taken up (loaded) or refused.',
    labels: ['result'],
  },
  heldJobs: {
    kind: 'gauge',
    name: 'mailwheel_held_jobs',
    help: 'Jobs this process holds the lock of.',
    labels: [],
  },
  bodiesInFlightBytes: {
    kind: 'gauge',
    name: 'mailwheel_bodies_in_flight_bytes',
    help: 'Message bodies this process holds in memory.',
    labels: [],
  },
  droppedLogLines: {
    kind: 'counter',
    name: 'mailwheel_log_lines_dropped_total',
    help: 'Log lines dropped because whoever reads them did not keep up.',
    labels: [],
  },
} as const;
