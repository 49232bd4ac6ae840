/** The look of the pretty form: the lines of mail_logs, coloured by what they mean, without the ones that are only noise. */
import type { LogEvent, LogEventName } from './events.ts';

/** Events a person who watches a terminal is better off without; other events say the same. */
export const quietOnTerminal: ReadonlySet<LogEventName> = new Set<LogEventName>([
  'icid-open',
  'message-start',
  'from',
  'message-id',
  'subject',
  'icid-close',
  'icid-tls',
  'dcid-close',
  'delivery-start',
  'message-finished',
]);

const codes = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36, plain: 0 } as const;
export type Colour = keyof typeof codes;

/** ANSI colour, closed again; the text itself when colours are off. */
export function paint(text: string, colour: Colour, on: boolean): string {
  return on && colour !== 'plain' ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}

const byName: Partial<Record<LogEventName, Colour>> = {
  'connection-error': 'red',
  bounced: 'red',
  'accept-refused': 'red',
  'unsafe-listener': 'red',
  error: 'red',
  quarantined: 'red',
  'routes-refused': 'red',
  delayed: 'yellow',
  'destination-rests': 'yellow',
  'unknown-outcome': 'yellow',
  'accept-unknown': 'yellow',
  warning: 'yellow',
  oddity: 'yellow',
  repair: 'yellow',
  'message-done': 'green',
  'dcid-open': 'cyan',
  ready: 'bold',
  response: 'dim',
};

export function colourOf(of: LogEvent): Colour {
  if (of.event === 'host-state') return of.to === 'healthy' || of.to === 'recovering' ? 'green' : 'yellow';
  return byName[of.event] ?? 'plain';
}
