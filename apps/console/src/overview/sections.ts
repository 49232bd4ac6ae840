/** The parts of the overview page, each rendered in one place: for the page itself and for its refresh. */
import { destinationAddress } from '@mailwheel/envelope';
import type { DestinationState } from '@mailwheel/queue';
import type { HostSnapshot } from '@mailwheel/rotation';
import { table } from '../html/layout.ts';
import { html, type Content, type Markup } from '../html/markup.ts';
import { ago, bytes, count, hostStateWords, percent, stateBadge, until } from '../html/words.ts';
import { ageBucket } from './ages.ts';
import type { Overview } from './collect.ts';
import type { CursorShares, HostShare } from './shares.ts';

export interface OverviewSection {
  readonly name: string;
  readonly heading: string;
  readonly render: (overview: Overview) => Markup;
}

export const overviewSections: readonly OverviewSection[] = [
  { name: 'totals', heading: 'Now', render: totals },
  { name: 'hosts', heading: 'Hosts', render: hosts },
  { name: 'cursors', heading: 'Round robin', render: cursors },
  { name: 'backlog', heading: 'Backlog', render: backlog },
];

function totals({ totals: sum, messages, memory, hosts: known, nowMs }: Overview): Markup {
  const ill = known.filter(({ state }) => state !== 'healthy').length;
  const used = memory.maxBytes > 0 ? memory.usedBytes / memory.maxBytes : 0;
  return html`<dl class="figures">
    ${figure('Undelivered', count(messages))} ${figure('Waiting', count(sum.waiting))}
    ${figure('Active', count(sum.active))} ${figure('Delayed', count(sum.delayed))}
    ${figure('Failed, kept', count(sum.failed), sum.failed > 0 ? 'alert' : undefined)}
    ${figure('Oldest message', sum.oldestAtMs === undefined ? 'none' : ago(sum.oldestAtMs, nowMs))}
    ${figure('Destinations', [count(sum.destinations), sum.paused === 0 ? '' : html` <small>${count(sum.paused)} paused</small>`])}
    ${figure('Hosts not healthy', [count(ill), html` <small>of ${count(known.length)}</small>`], ill > 0 ? 'alert' : undefined)}
    ${figure(
      'Redis memory',
      memory.maxBytes > 0
        ? [percent(used), html` <small>of ${bytes(memory.maxBytes)}</small>`]
        : bytes(memory.usedBytes),
      used > 0.8 ? 'alert' : undefined,
    )}
  </dl>`;
}

function figure(name: string, value: Content, look?: 'alert'): Markup {
  return html`<div${look === undefined ? '' : html` class="${look}"`}><dt>${name}</dt><dd>${value}</dd></div>`;
}

function hosts({ hosts: known, nowMs }: Overview): Markup {
  if (known.length === 0) return html`<p class="nothing">No host has been asked yet.</p>`;
  return table(
    'Destination hosts, those that are ill first',
    [
      { name: 'Host' },
      { name: 'State' },
      { name: 'Since' },
      { name: 'Until' },
      { name: 'Connections', number: true },
      { name: 'Epoch', number: true },
      { name: 'Last reply' },
    ],
    known.map((host) => hostRow(host, nowMs)),
  );
}

function hostRow(host: HostSnapshot, nowMs: number): Content[] {
  return [
    html`<code>${host.label}</code>`,
    stateBadge(host.state, hostStateWords[host.state]),
    host.sinceMs === undefined ? '' : ago(host.sinceMs, nowMs),
    host.untilMs === undefined || host.state === 'healthy' ? '' : until(host.untilMs, nowMs),
    html`${count(host.connections)} <small>of ${count(host.connectionsMax)}</small>`,
    count(host.epoch),
    host.lastReply === undefined ? '' : html`<span class="reply">${host.lastReply}</span>`,
  ];
}

function cursors({ cursors: known, cursorsLeftOut }: Overview): Markup {
  if (known.length === 0)
    return html`<p class="nothing">No turn has been taken yet: tiers of a single host take none.</p>`;
  return html`<div class="cards">${known.map(cursorCard)}</div>
    ${
      cursorsLeftOut === 0
        ? ''
        : html`<p class="quiet">${count(cursorsLeftOut)} more cursors, moved less lately.</p>`
    }`;
}

function cursorCard(cursor: CursorShares): Markup {
  const name = `Turns of ${cursor.route}, ${cursor.tier}`;
  return html`<article class="card">
    <h3>${cursor.route} <small>${cursor.tier}</small></h3>
    ${
      cursor.hosts.length === 0
        ? html`<p class="nothing">No host of this tier has had a turn.</p>`
        : table(
            name,
            [
              { name: 'Host' },
              { name: 'Turns', number: true },
              { name: 'Share' },
              { name: 'Ideal', number: true },
            ],
            cursor.hosts.map((host) => shareRow(host, cursor)),
          )
    }
  </article>`;
}

function shareRow(host: HostShare, cursor: CursorShares): Content[] {
  const state = host.state ?? 'healthy';
  const look = hostStateWords[state];
  return [
    html`<span class="dot state-${state}" title="${look.word}" aria-hidden="true">${look.sign}</span>
      <code>${host.label}</code>${state === 'healthy' ? '' : html` <small>${look.word}</small>`}`,
    count(host.turns),
    html`<meter min="0" max="1" value="${host.share.toFixed(4)}" aria-hidden="true"></meter>
      ${percent(host.share)}`,
    percent(cursor.ideal),
  ];
}

function backlog({ destinations, ages, totals: sum, nowMs }: Overview): Markup {
  if (destinations.length === 0)
    return html`<p class="nothing">Nothing is queued: every message that was accepted is done.</p>`;
  const left = sum.destinations - destinations.length;
  return html`${ageTable(ages)}
  ${table(
    'Destinations, the busiest first',
    [
      { name: 'Destination' },
      { name: 'Waiting', number: true },
      { name: 'Active', number: true },
      { name: 'Delayed', number: true },
      { name: 'Failed', number: true },
      { name: 'Oldest' },
      { name: 'Due' },
    ],
    destinations.map((state) => destinationRow(state, nowMs)),
  )}${left > 0 ? html`<p class="quiet">${count(left)} more destinations: search for them above.</p>` : ''}`;
}

function ageTable(ages: Overview['ages']): Markup {
  const columns = [{ name: 'Age of the oldest' }, ...ages.map(({ name }) => ({ name, number: true }))];
  return table('Backlog by age, of the destinations below', columns, [
    ['Destinations', ...ages.map(({ destinations }) => dimZero(destinations))],
    ['Jobs not done', ...ages.map(({ jobs }) => dimZero(jobs))],
  ]);
}

function dimZero(value: number): Content {
  return value === 0 ? html`<span class="quiet">0</span>` : count(value);
}

function destinationRow(state: DestinationState, nowMs: number): Content[] {
  const { destination, oldestAtMs, dueAtMs } = state;
  return [
    html`<a href="${queuePath(destination)}">${destinationAddress(destination) ?? destination}</a
      >${state.paused ? html` <span class="state state-paused"><span aria-hidden="true">‖</span> paused</span>` : ''}`,
    dimZero(state.waiting),
    dimZero(state.active),
    dimZero(state.delayed),
    state.failed === 0
      ? dimZero(0)
      : html`<a class="bad" href="${queuePath(destination)}?status=failed">${count(state.failed)}</a>`,
    oldestAtMs === undefined
      ? ''
      : html`<span class="age age-${ageBucket(nowMs - oldestAtMs)}">${ago(oldestAtMs, nowMs)}</span>`,
    dueAtMs === undefined ? '' : until(dueAtMs, nowMs),
  ];
}

/** Where a destination's queue is on the dashboard. */
export function queuePath(destination: string): string {
  return `/board/queue/${encodeURIComponent(destination)}`;
}
