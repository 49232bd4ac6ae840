/** What is waiting, and what had to be put right. Depths are read from Redis at intervals, not counted. */

export const queueMetrics = {
  depth: {
    kind: 'gauge',
    name: 'mailwheel_queue_depth',
    help: 'Jobs in the queue of a destination, by state (waiting, active, delayed, failed).',
    labels: ['destination', 'state'],
  },
  oldestSeconds: {
    kind: 'gauge',
    name: 'mailwheel_queue_oldest_seconds',
    help: 'Age of the oldest undelivered message of a destination.',
    labels: ['destination'],
  },
  storedMessages: {
    kind: 'gauge',
    name: 'mailwheel_stored_messages',
    help: 'Messages with open recipients in the store.',
    labels: [],
  },
  dueIndexRepairs: {
    kind: 'counter',
    name: 'mailwheel_due_index_repairs_total',
    help: 'Destinations and jobs that the sweeper had to put back: foreign hands, or a bug.',
    labels: [],
  },
  stalledRecoveries: {
    kind: 'counter',
    name: 'mailwheel_stalled_recoveries_total',
    help: 'Jobs taken over from workers that vanished.',
    labels: [],
  },
} as const;
