/** What a worker counts about deliveries, attempts and their ends. */

export const deliveryMetrics = {
  deliveredMessages: {
    kind: 'counter',
    name: 'mailwheel_delivered_messages_total',
    help: 'Messages a destination host took (once per job), by route, tier (0 is the most preferred) and host.',
    labels: ['route', 'tier', 'host'],
  },
  deliveredRecipients: {
    kind: 'counter',
    name: 'mailwheel_delivered_recipients_total',
    help: 'Recipients a destination host took.',
    labels: [],
  },
  attempts: {
    kind: 'counter',
    name: 'mailwheel_attempts_total',
    help: 'Hosts asked, by host, phase in which the dialogue ended, reply code (none: no reply) and outcome.',
    labels: ['host', 'phase', 'code', 'outcome'],
  },
  deferredRecipients: {
    kind: 'counter',
    name: 'mailwheel_deferred_recipients_total',
    help: 'Times a recipient was put off to a later attempt.',
    labels: [],
  },
  bouncedRecipients: {
    kind: 'counter',
    name: 'mailwheel_bounced_recipients_total',
    help: 'Recipients given up, by reason (refused, dns, expired, quarantined).',
    labels: ['reason'],
  },
  bouncesSent: {
    kind: 'counter',
    name: 'mailwheel_bounces_sent_total',
    help: 'Delivery status notifications accepted for delivery.',
    labels: [],
  },
  deliverySeconds: {
    kind: 'histogram',
    name: 'mailwheel_delivery_seconds',
    help: 'From the acceptance of a message to its delivery, per job.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 28_800, 86_400, 259_200],
  },
  attemptSeconds: {
    kind: 'histogram',
    name: 'mailwheel_attempt_seconds',
    help: 'Duration of one transaction with one host.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 900],
  },
  unknownOutcomes: {
    kind: 'counter',
    name: 'mailwheel_unknown_outcomes_total',
    help: 'Messages handed over completely without a reply, by host: an upper bound of second copies from this cause.',
    labels: ['host'],
  },
  reruns: {
    kind: 'counter',
    name: 'mailwheel_reruns_total',
    help: 'Jobs started again because their worker vanished: an upper bound of second copies from this cause.',
    labels: [],
  },
  unclassifiedReplies: {
    kind: 'counter',
    name: 'mailwheel_unclassified_replies_total',
    help: 'Events at a host that no row of the verdict table knows; treated as temporary.',
    labels: [],
  },
  quarantined: {
    kind: 'counter',
    name: 'mailwheel_quarantined_total',
    help: 'Jobs set aside because their worker vanished too often.',
    labels: [],
  },
  locksLost: {
    kind: 'counter',
    name: 'mailwheel_locks_lost_total',
    help: 'Jobs whose lock was lost while a worker held them.',
    labels: [],
  },
} as const;

/** Codes that SMTP servers use; each has its own label value. Others are counted under their class. */
const knownCodes: ReadonlySet<number> = new Set([
  220, 221, 250, 251, 252, 354, 421, 430, 431, 432, 441, 442, 446, 447, 449, 450, 451, 452, 454, 455, 458,
  459, 471, 500, 501, 502, 503, 504, 510, 511, 512, 521, 523, 530, 533, 534, 535, 538, 541, 550, 551, 552,
  553, 554, 555, 556, 557,
]);

/** The `code` label: a peer can answer any number, so unknown ones become `4xx` and no reply `none`. */
export function codeLabel(code: number | undefined): string {
  if (code === undefined) return 'none';
  return knownCodes.has(code) ? String(code) : `${Math.floor(code / 100)}xx`;
}
