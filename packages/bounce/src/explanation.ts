/** The part for people, which comes first: what happened, to whom, and what every host said last. */
import { dateTime, oneLine, span } from './field-text.ts';
import type { ReportKind, ReportOptions, ReportRecipient, ReportRequest } from './types.ts';

export const subjects: Readonly<Record<ReportKind, string>> = {
  refused: 'Undelivered mail returned to sender',
  expired: 'Undelivered mail returned to sender',
  delayed: 'Delayed mail (still being retried)',
  relayed: 'Successful mail delivery report',
};

const lineCharacters = 76;
/** Replies listed; a host that was asked long ago tells nobody anything. */
const hostRepliesMax = 20;

/** Lines of text, CRLF, in characters as they are. */
export function explanation(request: ReportRequest, options: ReportOptions): string {
  const lines = [
    `This is the mail system at ${oneLine(options.hostname)}.`,
    '',
    ...wrapped(whatHappened(request, options.nowMs), ''),
    '',
    ...aboutMessage(request),
    ...request.recipients.flatMap((recipient) => aboutRecipient(request, recipient)),
    ...aboutHosts(request),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function whatHappened({ why, original, expiresAtMs }: ReportRequest, nowMs: number): string {
  switch (why) {
    case 'refused':
      return 'Your message could not be delivered to the recipients below. It will not be tried again for them.';
    case 'expired':
      return `Your message could not be delivered to the recipients below within ${span(nowMs - original.acceptedAtMs)}. It will not be tried again for them.`;
    case 'delayed': {
      const until = expiresAtMs === undefined ? '' : ` until ${dateTime(expiresAtMs)}`;
      return `Your message has not been delivered to the recipients below for ${span(nowMs - original.acceptedAtMs)}. It is being tried again${until}. You need not do anything, and need not send it again.`;
    }
    case 'relayed':
      return 'Your message was handed to the next mail system for the recipients below. That system does not report what becomes of it, so this is the last report.';
  }
}

function aboutMessage({ original }: ReportRequest): string[] {
  const lines = [`Sent:    ${dateTime(original.acceptedAtMs)}`];
  if (original.subject !== undefined) lines.push(...wrapped(`Subject: ${oneLine(original.subject)}`, ''));
  return [...lines, ''];
}

function aboutRecipient({ original }: ReportRequest, recipient: ReportRecipient): string[] {
  const address = oneLine(original.recipients[recipient.index]?.address ?? '');
  const { remoteHost, diagnosticReply } = recipient;
  const reply = diagnosticReply === undefined ? undefined : oneLine(diagnosticReply).replace(/^smtp; /i, '');
  const said =
    reply === undefined
      ? `no host said anything (${recipient.status})`
      : remoteHost === undefined
        ? reply
        : `${oneLine(remoteHost)} said: ${reply}`;
  return [`<${address}>`, ...wrapped(said, '    '), ''];
}

function aboutHosts({ hostReplies }: ReportRequest): string[] {
  if (hostReplies.length === 0) return [];
  const latest = hostReplies.toSorted((a, b) => b.atMs - a.atMs).slice(0, hostRepliesMax);
  return [
    'What each host that was asked said last:',
    '',
    ...latest.flatMap(({ host, reply, atMs }) => [
      `    ${oneLine(host)}, ${dateTime(atMs)}`,
      ...wrapped(oneLine(reply), '        '),
    ]),
    '',
  ];
}

/** At most 76 characters a line where words allow it; longer words are left to the transfer encoding. */
function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    const empty = line === indent;
    if (!empty && line.length + 1 + word.length > lineCharacters) {
      lines.push(line);
      line = indent + word;
    } else {
      line += empty ? word : ` ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
