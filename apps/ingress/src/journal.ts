/**
 * Everything that happens at the doors goes through here once: into the log, as the lines of ICID, MID and RID that mail
 * administrators know, and into the counters. Decides nothing.
 */
import {
  createMetrics,
  ingressMetrics,
  loggedError,
  processMetrics,
  type LabelBounds,
  type LogEvent,
  type MetricRegistry,
  type MetricsOf,
} from '@mailwheel/telemetry';
import type { AcceptedMessage, IngressEvent } from './events.ts';
import type { Reply } from './smtp/reply.ts';

export interface EventLog {
  event(of: LogEvent): void;
}

export interface IngressMetrics {
  readonly ingress: MetricsOf<typeof ingressMetrics>;
  readonly process: MetricsOf<typeof processMetrics>;
}

type Refusal = Extract<IngressEvent, { readonly kind: 'refused' }>;

export function registerIngressMetrics(registry: MetricRegistry, bounds: LabelBounds): IngressMetrics {
  return {
    ingress: createMetrics(registry, ingressMetrics, bounds),
    process: createMetrics(registry, processMetrics, bounds),
  };
}

export class Journal {
  readonly #log: EventLog;
  readonly #metrics: IngressMetrics;

  constructor(log: EventLog, metrics: IngressMetrics) {
    this.#log = log;
    this.#metrics = metrics;
  }

  /** The `Report` of sessions and requests. */
  readonly report = (event: IngressEvent): void => {
    const { ingress } = this.#metrics;
    switch (event.kind) {
      case 'connected':
        this.#log.event({
          event: 'icid-open',
          icid: event.connectionNumber,
          interfaceName: 'smtp',
          interfaceAddress: event.localAddress,
          address: event.clientAddress,
          reverseName: '',
          verified: false,
        });
        break;
      case 'disconnected':
        this.#log.event({ event: 'icid-close', icid: event.connectionNumber });
        break;
      case 'secured': {
        const { connectionNumber: icid, protocol, cipher } = event;
        this.#log.event({ event: 'icid-tls', icid, protocol, cipher });
        break;
      }
      case 'tls-failed':
        ingress.tlsFailures.add();
        this.#log.event({
          event: 'icid-tls-failed',
          icid: event.connectionNumber,
          address: event.clientAddress,
          details: event.error.message,
        });
        break;
      case 'login':
        this.#login(event);
        break;
      case 'file-changed':
        this.#fileChanged(event.what, event.fault);
        break;
      case 'accepted':
        this.#accepted(event.message);
        break;
      case 'refused':
        this.#refused(event);
        break;
      case 'accept-unknown': {
        ingress.acceptUnknown.add();
        const { message, code } = loggedError(event.cause);
        const details =
          event.cause === undefined ? event.reason : `${event.reason}: ${code ?? ''} ${message}`;
        this.#log.event({ event: 'accept-unknown', message: event.messageId, details });
        break;
      }
      case 'fault':
        this.trouble(event.where, event.error);
        break;
    }
  };

  #login(login: Extract<IngressEvent, { readonly kind: 'login' }>): void {
    this.#metrics.ingress.logins.add({ result: login.result });
    this.#log.event({
      event: 'login',
      icid: login.connectionNumber,
      address: login.clientAddress,
      user: login.userName,
      mechanism: login.mechanism,
      succeeded: login.result === 'succeeded',
    });
  }

  #fileChanged(what: string, fault: Error | undefined): void {
    if (fault === undefined) this.#log.event({ event: 'note', text: `${what}: read again, now in force` });
    else this.#log.event({ event: 'warning', text: `${what}: ${fault.message}; what was in force stays so` });
  }

  trouble(what: string, cause: unknown): void {
    this.#log.event({ event: 'error', what, error: loggedError(cause) });
  }

  log(event: LogEvent): void {
    this.#log.event(event);
  }

  #accepted(message: AcceptedMessage): void {
    const { ingress } = this.#metrics;
    ingress.acceptSeconds.observe(message.durationMs / 1000);
    // A repetition stored nothing new, and was written down the first time.
    if (message.repeated) return;
    ingress.acceptedMessages.add();
    ingress.acceptedRecipients.add(message.recipients.length);
    ingress.acceptedBytes.add(message.bodyBytes);
    const of = { mid: message.messageNumber, message: message.messageId };
    const icid = message.connectionNumber;
    this.#log.event({ event: 'message-start', ...of, icid });
    this.#log.event({ event: 'from', ...of, icid, address: message.reversePath });
    for (const { index, address } of message.recipients) {
      this.#log.event({ event: 'to', ...of, icid, rid: index, address });
    }
    const { headerMessageId, subject, reversePath } = message;
    if (headerMessageId !== undefined) this.#log.event({ event: 'message-id', ...of, headerMessageId });
    if (subject !== undefined) this.#log.event({ event: 'subject', ...of, subject });
    this.#log.event({ event: 'message-ready', ...of, bytes: message.bodyBytes, address: reversePath });
    this.#log.event({ event: 'queued', ...of });
  }

  #refused(refusal: Refusal): void {
    this.#metrics.ingress.refusedMessages.add({ reason: refusal.problem ?? reasonOf(refusal.reply) });
    this.#log.event({
      event: 'accept-refused',
      icid: refusal.connectionNumber,
      address: refusal.clientAddress,
      reply: replyLine(refusal.reply),
      ...(refusal.about === undefined ? {} : { recipient: refusal.about }),
    });
  }
}

function replyLine({ code, enhancedCode, text }: Reply): string {
  return enhancedCode === undefined ? `${code} ${text}` : `${code} ${enhancedCode} ${text}`;
}

const reasons: Readonly<Record<string, string>> = {
  '5.7.1': 'relaying',
  '5.3.4': 'size',
  '4.5.3': 'recipients',
  '5.4.6': 'hops',
  '5.6.11': 'content',
  '4.3.0': 'unavailable',
  '4.3.1': 'full',
  '4.3.2': 'connections',
  '4.7.0': 'connections',
  '4.7.1': 'rate',
};

/** A label for the counters: few, whatever clients do. */
function reasonOf({ enhancedCode = '' }: Reply): string {
  const known = reasons[enhancedCode];
  if (known !== undefined) return known;
  if (enhancedCode.startsWith('5.1.') || enhancedCode === '5.6.7') return 'address';
  return enhancedCode.startsWith('5.5.') ? 'syntax' : 'other';
}
