import { describe, expect, it } from 'vitest';
import { html } from './markup.ts';
import { bytes, count, duration, percent, until } from './words.ts';

describe('markup', () => {
  it('escapes what it is given, in text and attributes, and leaves markup alone', () => {
    const hostile = `"><script>alert('&')</script>`;
    const escaped = '&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;';
    expect(html`<a title="${hostile}">${[html`<b>${hostile}</b>`, 3, undefined]}</a>`.toString()).toBe(
      `<a title="${escaped}"><b>${escaped}</b>3</a>`,
    );
  });

  it('is not fooled by an object that only looks like markup', () => {
    const forged = { toString: () => '<script>' };
    expect(html`${[forged as never]}`.toString()).not.toContain('<script>');
  });
});

describe('words', () => {
  it('tell times, sizes and shares as people do', () => {
    expect([0, 59_999, 60_000, 7_199_000, 200_000_000, -5].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '1 h',
      '2 d',
      '0 s',
    ]);
    expect([bytes(27), bytes(1536), bytes(3 * 1024 ** 3), count(1_234_567), percent(1 / 3)]).toEqual([
      '27 bytes',
      '1.5 KiB',
      '3.0 GiB',
      '1,234,567',
      '33.3 %',
    ]);
  });

  it('say now for what is due, and never "in 0 s"', () => {
    expect(until(1000, 1000).toString()).toContain('>now<');
    expect(until(1001, 1000).toString()).toContain('>in 1 s<');
  });
});
