/**
 * The part for machines: message/delivery-status of RFC 3464, or message/global-delivery-status of RFC 6533 when the report
 * itself travels with SMTPUTF8. A report to an ASCII address stays ASCII also about a UTF-8 recipient (his address is then
 * written in utf-8-addr-xtext, RFC 6533 section 3): every host can take it.
 */
import { decodeXtext } from '@mailwheel/envelope';
import { dateTime, field, isAscii, oneAsciiLine, oneLine } from './field-text.ts';
import type { ReportOptions, ReportRecipient, ReportRequest } from './types.ts';

export function deliveryStatus(request: ReportRequest, options: ReportOptions, utf8: boolean): string {
  const groups = [
    messageFields(request, options, utf8),
    ...request.recipients.map((recipient) => recipientFields(request, recipient, utf8)),
  ];
  return groups.map((fields) => `${fields.join('\r\n')}\r\n`).join('\r\n');
}

function messageFields({ original }: ReportRequest, options: ReportOptions, utf8: boolean): string[] {
  const envelopeId =
    original.envid === undefined ? undefined : (decodeXtext(original.envid) ?? original.envid);
  return [
    ...(envelopeId === undefined ? [] : [field('Original-Envelope-Id', text(envelopeId, utf8))]),
    field('Reporting-MTA', `dns; ${oneAsciiLine(options.hostname)}`),
    field('X-Mailwheel-Message-Id', original.messageId),
    field('Arrival-Date', dateTime(original.acceptedAtMs)),
  ];
}

function recipientFields(request: ReportRequest, recipient: ReportRecipient, utf8: boolean): string[] {
  const { original, why, expiresAtMs } = request;
  const envelopeRecipient = original.recipients[recipient.index];
  if (envelopeRecipient === undefined) {
    throw new RangeError(`a report names recipient ${recipient.index}, which its message does not have`);
  }
  const { address, originalRecipient } = envelopeRecipient;
  const { diagnosticReply, remoteHost, lastAttemptMs } = recipient;
  return [
    ...(originalRecipient === undefined ? [] : [field('Original-Recipient', orcpt(originalRecipient, utf8))]),
    field('Final-Recipient', typedAddress(address, utf8)),
    field('Action', recipient.action),
    field('Status', recipient.status),
    ...(remoteHost === undefined ? [] : [field('Remote-MTA', `dns; ${oneAsciiLine(mtaName(remoteHost))}`)]),
    ...(diagnosticReply === undefined ? [] : [field('Diagnostic-Code', diagnostic(diagnosticReply, utf8))]),
    ...(lastAttemptMs === undefined ? [] : [field('Last-Attempt-Date', dateTime(lastAttemptMs))]),
    ...(why === 'delayed' && expiresAtMs !== undefined
      ? [field('Will-Retry-Until', dateTime(expiresAtMs))]
      : []),
  ];
}

function text(value: string, utf8: boolean): string {
  return utf8 ? oneLine(value) : oneAsciiLine(value);
}

function typedAddress(address: string, utf8: boolean): string {
  if (isAscii(address)) return `rfc822; ${oneLine(address)}`;
  return `utf-8; ${utf8 ? oneLine(address) : utf8AddrXtext(oneLine(address))}`;
}

/** ORCPT as it came, `type;xtext`; without its xtext (RFC 3464 section 2.3.1), but never with what that may hide. */
function orcpt(parameter: string, utf8: boolean): string {
  const split = parameter.indexOf(';');
  const type = split < 0 ? 'rfc822' : oneAsciiLine(parameter.slice(0, split));
  const encoded = split < 0 ? parameter : parameter.slice(split + 1);
  // utf-8-addr-xtext is no xtext; RFC 6533 allows it in the field as it is.
  const decoded = type.toLowerCase() === 'utf-8' ? encoded : (decodeXtext(encoded) ?? encoded);
  const line = oneLine(decoded);
  return isAscii(line) || utf8 ? `${type}; ${line}` : `utf-8; ${utf8AddrXtext(line)}`;
}

/** RFC 6533 section 3: what is not QCHAR becomes `\x{HEX}`. */
export function utf8AddrXtext(address: string): string {
  return address.replace(
    /[^!-*,-<>-[\]-~]/gu,
    (character) => `\\x{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`,
  );
}

/** `smtp; 550 ...` for a reply; what we found ourselves (no connection, a name that does not exist) is of our own type. */
function diagnostic(reply: string, utf8: boolean): string {
  const line = text(reply, utf8);
  if (/^[a-z0-9-]+; /i.test(line)) return line;
  return /^[2-5]\d\d(?:[ -]|$)/.test(line) ? `smtp; ${line}` : `x-mailwheel; ${line}`;
}

/** Host label to MTA name: without port, addresses as literals. */
function mtaName(label: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(label)?.[1];
  const host = bracketed ?? /^[^:]+(?=:\d+$)/.exec(label)?.[0] ?? label;
  if (host.includes(':')) return `[IPv6:${host}]`;
  return /^[\d.]+$/.test(host) ? `[${host}]` : host;
}
