/** The page of one message. Its body is nowhere on it: who looks after queues need not read mail. */
import type { LedgerEntry } from '@mailwheel/envelope';
import { section, table } from '../html/layout.ts';
import { html, type Content, type Markup } from '../html/markup.ts';
import { ago, bytes, count, instant, stateBadge, until } from '../html/words.ts';
import { queuePath } from '../overview/sections.ts';
import type { MessageStatus, RecipientStatus } from './collect.ts';

const looks: Readonly<Record<RecipientStatus['state'], { readonly kind: string; readonly sign: string }>> = {
  delivered: { kind: 'healthy', sign: '●' },
  bounced: { kind: 'unhealthy', sign: '■' },
  expired: { kind: 'unhealthy', sign: '■' },
  quarantined: { kind: 'unhealthy', sign: '■' },
  failed: { kind: 'unhealthy', sign: '■' },
  deleted: { kind: 'drained', sign: '○' },
  waiting: { kind: 'probing', sign: '◆' },
  active: { kind: 'recovering', sign: '▲' },
  delayed: { kind: 'recovering', sign: '▲' },
  'without a job': { kind: 'drained', sign: '○' },
};

export function messagePage(message: MessageStatus, nowMs: number): Markup {
  const { id, envelope } = message;
  return html`<div class="title">
      <h1>Message <code>${id}</code></h1>
    </div>
    ${section('envelope', 'Envelope', envelopeList(message, nowMs))}
    ${section(
      'recipients',
      `Recipients (${count(envelope.recipients.length)})`,
      table(
        'Recipients',
        [
          { name: 'Recipient' },
          { name: 'State' },
          { name: 'When' },
          { name: 'Host' },
          { name: 'Last reply' },
          { name: 'Job' },
        ],
        message.recipients.map((recipient) => recipientRow(recipient, nowMs)),
      ),
    )}
    ${section('ledger', 'Attempts', ledger(message.ledger))}`;
}

function envelopeList({ envelope, state }: MessageStatus, nowMs: number): Markup {
  const { origin, subject, headerMessageId, bounceOf, envid, ret } = envelope;
  const rows: [string, Content][] = [
    ['From', html`<code>${envelope.reversePath || '<>'}</code>`],
    [
      'Accepted',
      [ago(envelope.acceptedAtMs, nowMs), html` <small>${instant(envelope.acceptedAtMs)}</small>`],
    ],
    [
      'Came by',
      `${origin.protocol}${origin.clientAddress === '' ? '' : ` from ${origin.clientAddress}`}${origin.principal === undefined ? '' : ` as ${origin.principal}`}`,
    ],
    ['Record', state],
    ['Number in the logs', `MID ${envelope.messageNumber}`],
    ['Size', bytes(envelope.bodyBytes)],
    ['Priority', envelope.priority],
    ...optional('Subject', subject),
    ...optional('Message-ID', headerMessageId),
    ...optional(
      'Report on',
      bounceOf === undefined ? undefined : html`<a href="/messages/${bounceOf}"><code>${bounceOf}</code></a>`,
    ),
    ...optional('ENVID', envid),
    ...optional('RET', ret),
  ];
  return html`<dl class="facts">
    ${rows.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function optional(name: string, value: Content): [string, Content][] {
  return value === undefined ? [] : [[name, value]];
}

function recipientRow(recipient: RecipientStatus, nowMs: number): Content[] {
  const { result, state, nextAttemptAtMs, destination, job } = recipient;
  const look = looks[state];
  return [
    html`<code>${recipient.address}</code> <small>RID ${recipient.index}</small>`,
    stateBadge(look.kind, { word: state, sign: look.sign }),
    result !== undefined
      ? ago(result.atMs, nowMs)
      : nextAttemptAtMs === undefined
        ? ''
        : html`next try ${until(nextAttemptAtMs, nowMs)}`,
    result?.host === undefined ? '' : html`<code>${result.host}</code>`,
    html`<span class="reply">${result?.reply ?? recipient.reason}</span>`,
    html`<a href="${queuePath(destination)}/${job}">${destination}</a>`,
  ];
}

function ledger(entries: readonly LedgerEntry[]): Markup {
  if (entries.length === 0) return html`<p class="nothing">No host has been asked for this message yet.</p>`;
  return table(
    'Attempts, one line for each host that was asked',
    [
      { name: 'When' },
      { name: 'Attempt', number: true },
      { name: 'Host' },
      { name: 'RID' },
      { name: 'Phase' },
      { name: 'Outcome' },
      { name: 'Reply' },
      { name: 'ms', number: true },
    ],
    entries.map((entry) => [
      instant(entry.atMs),
      count(entry.attempt),
      html`<code>${entry.host}</code>`,
      entry.recipients.join(', '),
      entry.phase,
      entry.outcome,
      html`<span class="reply">${entry.reply}</span>`,
      count(Math.round(entry.durationMs)),
    ]),
  );
}
