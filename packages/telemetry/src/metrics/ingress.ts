/** What an ingress counts. */

export const ingressMetrics = {
  acceptedMessages: {
    kind: 'counter',
    name: 'mailwheel_accepted_messages_total',
    help: 'Messages answered 250 or 202: they are stored durably.',
    labels: [],
  },
  acceptedRecipients: {
    kind: 'counter',
    name: 'mailwheel_accepted_recipients_total',
    help: 'Recipients of accepted messages.',
    labels: [],
  },
  acceptedBytes: {
    kind: 'counter',
    name: 'mailwheel_accepted_bytes_total',
    help: 'Bytes of accepted messages, our Received line included.',
    labels: [],
  },
  refusedMessages: {
    kind: 'counter',
    name: 'mailwheel_refused_messages_total',
    help: 'Messages and recipients that were refused, by reason (relaying, size, recipients, full, unavailable, ...).',
    labels: ['reason'],
  },
  logins: {
    kind: 'counter',
    name: 'mailwheel_logins_total',
    help: 'SMTP logins by result: succeeded, failed (wrong user or password), refused (too many failures), unavailable.',
    labels: ['result'],
  },
  tlsFailures: {
    kind: 'counter',
    name: 'mailwheel_tls_failures_total',
    help: 'TLS handshakes of SMTP clients that came to nothing, missing client certificates among them.',
    labels: [],
  },
  acceptUnknown: {
    kind: 'counter',
    name: 'mailwheel_accept_unknown_total',
    help: 'Messages answered 451 although they may be stored: the client sends again, a second copy is possible.',
    labels: [],
  },
  acceptSeconds: {
    kind: 'histogram',
    name: 'mailwheel_accept_seconds',
    help: 'From the end of the message to its durable acceptance.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  },
  clientConnections: {
    kind: 'gauge',
    name: 'mailwheel_client_connections',
    help: 'Open connections of clients, by protocol (smtp, http).',
    labels: ['protocol'],
  },
} as const;
