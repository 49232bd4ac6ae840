/** The dashboards. Gauges that every worker tells for the whole tier are taken with `max by`, counters are summed. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard, figure, lines, timeline } from './panels.ts';

const rate = (metric: string, by = ''): string =>
  `sum${by === '' ? '' : ` by (${by})`} (rate(${metric}[$__rate_interval]))`;
const quantile = (share: number, metric: string): string =>
  `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket[$__rate_interval])))`;
const depth = (state: string): string =>
  `sum(max by (destination) (mailwheel_queue_depth{state="${state}"}))`;
const oldest = 'max by (destination) (mailwheel_queue_oldest_seconds)';
const olderThan = (seconds: number): string => `count(${oldest} > ${seconds}) or vector(0)`;
const inState = (state: string): string =>
  `max by (host) (mailwheel_host_state{host!="other",state="${state}"})`;
const delivered = 'mailwheel_delivered_messages_total{route=~"$route",host!="other"}';

const overview = dashboard({
  uid: 'mailwheel-overview',
  title: 'Mailwheel / Overview',
  says: 'What comes in, what goes out, what waits, and how old it is.',
  rows: {
    Now: [
      figure({ title: 'Accepted', unit: 'ops' }, [
        rate('mailwheel_accepted_recipients_total'),
        'recipients a second',
      ]),
      figure({ title: 'Delivered', unit: 'ops' }, [
        rate('mailwheel_delivered_recipients_total'),
        'recipients a second',
      ]),
      figure({ title: 'Deferred', unit: 'ops' }, [
        rate('mailwheel_deferred_recipients_total'),
        'recipients a second',
      ]),
      figure({ title: 'Bounced', unit: 'ops' }, [
        rate('mailwheel_bounced_recipients_total'),
        'recipients a second',
      ]),
      figure({ title: 'Messages stored' }, ['max(mailwheel_stored_messages)', 'messages']),
      figure({ title: 'Oldest mail', unit: 's' }, [`max(${oldest})`, 'age']),
    ],
    Flow: [
      lines(
        {
          title: 'In and out',
          unit: 'ops',
          says: 'Recipients a second. Out below in for long: the backlog grows.',
        },
        [rate('mailwheel_accepted_recipients_total'), 'accepted'],
        [rate('mailwheel_delivered_recipients_total'), 'delivered'],
      ),
      lines(
        { title: 'Deferred and bounced', unit: 'ops' },
        [rate('mailwheel_deferred_recipients_total'), 'deferred'],
        [rate('mailwheel_bounced_recipients_total', 'reason'), 'bounced: {{reason}}'],
      ),
      lines(
        { title: 'Jobs by state', stacked: true },
        [depth('waiting'), 'waiting'],
        [depth('active'), 'active'],
        [depth('delayed'), 'delayed'],
      ),
      lines(
        {
          title: 'From acceptance to delivery',
          unit: 's',
          says: 'Per job. The median is what recipients feel; the 99th shows what had to be tried again.',
        },
        [quantile(0.5, 'mailwheel_delivery_seconds'), 'median'],
        [quantile(0.95, 'mailwheel_delivery_seconds'), '95th'],
        [quantile(0.99, 'mailwheel_delivery_seconds'), '99th'],
      ),
      lines({ title: 'Replies by code', unit: 'ops' }, [
        rate('mailwheel_attempts_total', 'code, outcome'),
        '{{code}} {{outcome}}',
      ]),
      lines({ title: 'Oldest mail by destination', unit: 's' }, [`topk(10, ${oldest})`, '{{destination}}']),
    ],
    Ingress: [
      lines({ title: 'Refused, by reason', unit: 'ops' }, [
        rate('mailwheel_refused_messages_total', 'reason'),
        '{{reason}}',
      ]),
      lines(
        { title: 'Time to accept', unit: 's', says: 'From the end of a message to its durable acceptance.' },
        [quantile(0.5, 'mailwheel_accept_seconds'), 'median'],
        [quantile(0.99, 'mailwheel_accept_seconds'), '99th'],
      ),
      lines({ title: 'Connections of clients', stacked: true }, [
        'sum by (protocol) (mailwheel_client_connections)',
        '{{protocol}}',
      ]),
      lines({ title: 'Bytes accepted', unit: 'Bps' }, [
        rate('mailwheel_accepted_bytes_total'),
        'bytes a second',
      ]),
    ],
  },
});

const hosts = dashboard({
  uid: 'mailwheel-hosts',
  title: 'Mailwheel / Hosts',
  says: 'Destination hosts: state, share of the turns, replies.',
  variables: { route: 'label_values(mailwheel_delivered_messages_total, route)' },
  rows: {
    State: [
      timeline(
        { title: 'State of hosts' },
        {
          1: ['healthy', 'green'],
          2: ['recovering', 'blue'],
          3: ['probing', 'yellow'],
          4: ['unhealthy', 'red'],
          5: ['drained', 'purple'],
        },
        [
          ['healthy', 'recovering', 'probing', 'unhealthy', 'drained']
            .map((state, index) => `${inState(state)} * ${index + 1}`)
            .join(' or '),
          '{{host}}',
        ],
      ),
    ],
    'Turns and shares': [
      lines(
        {
          title: 'Share of messages, beside the ideal',
          unit: 'percentunit',
          max: 1,
          says: 'Within a tier of a route. The ideal is one over the number of hosts that took any; a host in its ramp lies below.',
        },
        [
          `sum by (route, tier, host) (rate(${delivered}[$__rate_interval])) / on (route, tier) group_left () sum by (route, tier) (rate(${delivered}[$__rate_interval]))`,
          '{{route}} tier {{tier}}: {{host}}',
        ],
        [
          `1 / count by (route, tier) (sum by (route, tier, host) (rate(${delivered}[$__rate_interval])) > 0)`,
          '{{route}} tier {{tier}}: ideal',
        ],
      ),
      lines({ title: 'Picks by mode', unit: 'ops' }, [
        rate('mailwheel_picks_total', 'host, mode'),
        '{{host}} {{mode}}',
      ]),
      lines({ title: 'Messages taken', unit: 'ops', stacked: true }, [rate(delivered, 'host'), '{{host}}']),
      lines({ title: 'Open connections', stacked: true }, [
        'sum by (host) (mailwheel_connections_open)',
        '{{host}}',
      ]),
    ],
    Replies: [
      lines({ title: 'Replies of hosts by phase and code', unit: 'ops' }, [
        rate('mailwheel_attempts_total', 'host, phase, code'),
        '{{host}} {{phase}} {{code}}',
      ]),
      lines({ title: 'Unknown outcomes', says: 'Within an hour: handed over completely, no reply.' }, [
        'sum by (host) (increase(mailwheel_unknown_outcomes_total[1h]))',
        '{{host}}',
      ]),
      lines(
        { title: 'Duration of attempts', unit: 's', says: 'One transaction with one host.' },
        [quantile(0.5, 'mailwheel_attempt_seconds'), 'median'],
        [quantile(0.95, 'mailwheel_attempt_seconds'), '95th'],
        [quantile(0.99, 'mailwheel_attempt_seconds'), '99th'],
      ),
      lines({ title: 'Replies the verdict table does not know' }, [
        'sum(increase(mailwheel_unclassified_replies_total[1h]))',
        'within an hour',
      ]),
    ],
  },
});

const destinations = dashboard({
  uid: 'mailwheel-destinations',
  title: 'Mailwheel / Destinations',
  says: 'The backlog: where it is and how old.',
  variables: { destination: 'label_values(mailwheel_queue_depth, destination)' },
  rows: {
    Backlog: [
      lines(
        { title: 'Destinations by age of their oldest mail', says: 'How many have mail older than this.' },
        [olderThan(300), 'over 5 minutes'],
        [olderThan(3600), 'over 1 hour'],
        [olderThan(6 * 3600), 'over 6 hours'],
        [olderThan(86_400), 'over 1 day'],
      ),
      lines({ title: 'Largest backlogs', stacked: true }, [
        'topk(15, sum by (destination) (max by (destination, state) (mailwheel_queue_depth{state!="failed"})))',
        '{{destination}}',
      ]),
    ],
    'Chosen destinations': [
      lines({ title: 'Jobs by state' }, [
        'max by (destination, state) (mailwheel_queue_depth{destination=~"$destination"})',
        '{{destination}} {{state}}',
      ]),
      lines({ title: 'Age of the oldest mail', unit: 's' }, [
        'max by (destination) (mailwheel_queue_oldest_seconds{destination=~"$destination"})',
        '{{destination}}',
      ]),
      lines({ title: 'Failed jobs that are kept' }, [
        'max by (destination) (mailwheel_queue_depth{destination=~"$destination",state="failed"})',
        '{{destination}}',
      ]),
      lines({ title: 'Notifications sent (DSN)', unit: 'ops' }, [
        rate('mailwheel_bounces_sent_total'),
        'notifications a second',
      ]),
    ],
  },
});

const health = dashboard({
  uid: 'mailwheel-health',
  title: 'Mailwheel / Redis and processes',
  says: 'Whether the store and the processes are well.',
  rows: {
    Redis: [
      timeline(
        { title: 'Redis by process', width: 12 },
        { 1: ['answers', 'green'], 0: ['does not', 'red'] },
        ['mailwheel_redis_up', '{{instance}}'],
      ),
      lines(
        {
          title: 'Memory of Redis',
          unit: 'percentunit',
          max: 1,
          says: 'From store.highWaterPercent (0.8) on new mail is refused.',
        },
        ['max(mailwheel_redis_memory_ratio)', 'used'],
      ),
      lines({ title: 'Messages stored' }, ['max(mailwheel_stored_messages)', 'messages']),
      lines({ title: 'Clock skew', unit: 's' }, ['abs(mailwheel_clock_skew_seconds)', '{{instance}}']),
    ],
    'What should not happen': [
      lines(
        { title: 'Repairs and recoveries', says: 'Within 15 minutes.' },
        ['sum(increase(mailwheel_due_index_repairs_total[15m]))', 'due index repairs'],
        ['sum(increase(mailwheel_stalled_recoveries_total[15m]))', 'jobs taken over'],
        ['sum(increase(mailwheel_locks_lost_total[15m]))', 'locks lost'],
        ['sum(increase(mailwheel_reruns_total[15m]))', 'jobs started again'],
        ['sum(increase(mailwheel_quarantined_total[15m]))', 'quarantined'],
      ),
      lines(
        { title: 'Routes and log' },
        ['sum by (result) (increase(mailwheel_route_reloads_total[15m]))', 'routes {{result}}'],
        ['sum(increase(mailwheel_log_lines_dropped_total[15m]))', 'log lines dropped'],
        ['sum(increase(mailwheel_accept_unknown_total[15m]))', 'acceptance in doubt'],
      ),
    ],
    Processes: [
      lines({ title: 'Jobs held' }, ['mailwheel_held_jobs', '{{instance}}']),
      lines({ title: 'Bodies in memory', unit: 'bytes' }, [
        'mailwheel_bodies_in_flight_bytes',
        '{{instance}}',
      ]),
      lines({ title: 'CPU', unit: 'percentunit' }, [
        'rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) mailwheel_redis_up',
        '{{instance}}',
      ]),
      lines({ title: 'Memory', unit: 'bytes' }, [
        'process_resident_memory_bytes and on (instance) mailwheel_redis_up',
        '{{instance}}',
      ]),
      lines(
        {
          title: 'Event loop, 99th',
          unit: 's',
          says: 'Near or above 0.1 s the process is too busy to be fair.',
        },
        ['nodejs_eventloop_lag_p99_seconds', '{{instance}}'],
      ),
    ],
  },
});

export const pages: Readonly<Record<string, Dashboard>> = { overview, hosts, destinations, health };

/** The file of a page as it is committed. */
export function dashboardText(page: Dashboard): string {
  return `${JSON.stringify(page, undefined, 2)}\n`;
}
