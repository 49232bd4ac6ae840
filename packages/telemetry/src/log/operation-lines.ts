/** The text of operational events for the forms that people read: one sentence-like line each. */
import type { LoggedError, OperationEvent } from './events.ts';

/** One line without prefix and line end. The caller has made the strings fit for a line. */
export function operationLine(of: OperationEvent): string {
  switch (of.event) {
    case 'host-state':
      return `Host ${of.host} ${of.from} -> ${of.to}${of.restMs === undefined ? '' : ` for ${seconds(of.restMs)}`}${of.reply === undefined ? '' : `: ${of.reply}`}`;
    case 'destination-rests':
      return `Destination ${of.destination} rests for ${seconds(of.forMs)}: ${of.cause}`;
    case 'routes-reloaded':
      return `Routes reloaded from ${of.file}: ${of.routes} routes`;
    case 'routes-refused':
      return `Routes refused, the old ones stay in force: ${of.file}: ${of.problems.join('; ')}`;
    case 'quarantined':
      return `MID ${of.mid} quarantined for ${of.destination}: its worker vanished ${of.starts} times`;
    case 'unknown-outcome':
      return `MID ${of.mid} to RID [${of.rids.join(', ')}] DCID ${of.dcid} outcome unknown at ${of.host}: ${of.details}`;
    case 'accept-unknown':
      return `Message ${of.message} was answered 451 but may be stored: ${of.details}`;
    case 'repair':
      return `Repaired: ${of.what}${of.destination === undefined ? '' : ` of ${of.destination}`} (${of.count})`;
    case 'oddity':
      return `Odd: ${of.what}: ${of.details}`;
    case 'operator-act':
      return `Operator ${of.by}${of.role === undefined ? '' : ` (${of.role})`}: ${of.act} ${of.on}: ${of.result}`;
    case 'unsafe-listener':
    case 'note':
    case 'warning':
    case 'started':
    case 'ready':
    case 'draining':
    case 'stopped':
    case 'error':
      return processLine(of);
  }
}

type ProcessEvent = Extract<
  OperationEvent,
  { event: 'unsafe-listener' | 'note' | 'warning' | 'started' | 'ready' | 'draining' | 'stopped' | 'error' }
>;

function processLine(of: ProcessEvent): string {
  switch (of.event) {
    case 'unsafe-listener':
      return `Unsafe listener ${of.listen}: ${of.details}`;
    case 'note':
    case 'warning':
      return of.text;
    case 'started':
      return `Started, version ${of.version}, process ${of.pid}`;
    case 'ready':
      return `Ready: ${Object.entries(of.listening)
        .map(([name, address]) => `${name} ${address}`)
        .join(', ')}`;
    case 'draining':
      return `Draining: ${of.why}`;
    case 'stopped':
      return `Stopped after ${seconds(of.durationMs)}`;
    case 'error':
      return `${of.what}: ${errorText(of.error)}`;
  }
}

function errorText(error: LoggedError): string {
  const own = error.code === undefined ? error.message : `${error.message} (${error.code})`;
  return error.cause === undefined ? own : `${own}, because: ${errorText(error.cause)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
