/** What it means when a connection could not be opened: socket and TLS errors, and nodemailer's, in the table's words. */
import { printable, type Phase } from '@mailwheel/envelope';
import { parseReply, type Happening, type Trouble } from '@mailwheel/verdict';

export interface OpeningFailure {
  readonly phase: Phase;
  readonly cause: Happening['cause'];
}

const detailCharsMax = 200;

/** The peer is there but went away in mid-dialogue. */
const lostCodes = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ERR_STREAM_DESTROYED', 'ENOTCONN']);
const timeoutCodes = new Set(['ETIMEDOUT']);

/** A connection that was never made: everything that is neither loss nor time-out is `refused` (row 1 treats them alike). */
export function connectFailure(error: Error): OpeningFailure {
  const code = codeOf(error) ?? '';
  const trouble = timeoutCodes.has(code) ? 'timeout' : lostCodes.has(code) ? 'lost' : 'refused';
  return failed('connect', trouble, error.message);
}

export function failed(phase: Phase, trouble: Trouble, detail: string): OpeningFailure {
  return { phase, cause: { kind: 'trouble', trouble, detail: printable(detail, detailCharsMax) } };
}

/**
 * An error of nodemailer's while the session was opened. With a response the host's words decide, whatever nodemailer made of
 * them. Without: in the TLS phase everything but a loss is `tls`; a response too large or out of turn is `out-of-step`.
 */
export function openingFailure(phase: Phase, error: Error): OpeningFailure {
  const { response } = error as { response?: unknown };
  // A reply that no command was waiting for: nodemailer names no command of ours.
  const unexpected = error.message.startsWith('Unexpected Response');
  if (typeof response === 'string' && !unexpected) {
    const reply = parseReply(response);
    if (reply !== undefined) return { phase, cause: { kind: 'reply', reply } };
    return failed(phase, 'out-of-step', `not an SMTP reply: ${response}`);
  }
  if (codeOf(error) === 'EPROTOCOL') return failed(phase, 'out-of-step', error.message);
  const { originalCode } = error as { originalCode?: unknown };
  const system = typeof originalCode === 'string' ? originalCode : (codeOf(error) ?? '');
  if (lostCodes.has(system) || /closed unexpectedly|disconnected before secure/i.test(error.message)) {
    return failed(phase, 'lost', error.message);
  }
  if (timeoutCodes.has(system)) return failed(phase, 'timeout', error.message);
  return failed(phase, phase === 'tls' ? 'tls' : 'lost', error.message);
}

function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
