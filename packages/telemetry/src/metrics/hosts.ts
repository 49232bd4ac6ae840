/** What a worker and the console show about destination hosts. */

export const hostMetrics = {
  picks: {
    kind: 'counter',
    name: 'mailwheel_picks_total',
    help: 'Times the round robin chose a host, by host and mode (go, suspect, ramp, probe).',
    labels: ['host', 'mode'],
  },
  connectionsOpen: {
    kind: 'gauge',
    name: 'mailwheel_connections_open',
    help: 'Connections this process holds to a host.',
    labels: ['host'],
  },
  hostState: {
    kind: 'gauge',
    name: 'mailwheel_host_state',
    help: '1 for the state a host is in (healthy, unhealthy, probing, recovering, drained); with `other` as host: how many.',
    labels: ['host', 'state'],
  },
} as const;
