/** Numbers and times as people read them, and the words of states. */
import type { HostState } from '@mailwheel/pacing';
import { html, type Markup } from './markup.ts';

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** `3 d`, `12 min`, `4 s`: the largest unit that fits, rounded down. Negative counts as 0. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** `2026-11-24 16:45:20 UTC`. */
export function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `3 min ago`, with the instant behind it. */
export function ago(atMs: number, nowMs: number): Markup {
  return when(atMs, `${duration(nowMs - atMs)} ago`);
}

/** `in 12 s`, or `now` for what is due. */
export function until(atMs: number, nowMs: number): Markup {
  return when(atMs, atMs <= nowMs ? 'now' : `in ${duration(Math.max(1000, atMs - nowMs))}`);
}

function when(atMs: number, words: string): Markup {
  return html`<time datetime="${new Date(atMs).toISOString()}" title="${instant(atMs)}">${words}</time>`;
}

/** `1,234,567`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `33.3 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** `1.4 GiB`. */
export function bytes(value: number): string {
  const names = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let rest = value;
  let at = 0;
  while (rest >= 1024 && at < names.length - 1) {
    rest /= 1024;
    at += 1;
  }
  return `${at === 0 ? rest : rest.toFixed(1)} ${names[at]}`;
}

/** A word and a sign for each state: colour alone says nothing to many people. */
export const hostStateWords: Readonly<Record<HostState, { readonly word: string; readonly sign: string }>> = {
  healthy: { word: 'healthy', sign: '●' },
  unhealthy: { word: 'resting', sign: '■' },
  probing: { word: 'probing', sign: '◆' },
  recovering: { word: 'recovering', sign: '▲' },
  drained: { word: 'drained', sign: '○' },
};

export function stateBadge(state: string, look: { readonly word: string; readonly sign: string }): Markup {
  return html`<span class="state state-${state}"
    ><span aria-hidden="true">${look.sign}</span> ${look.word}</span
  >`;
}
