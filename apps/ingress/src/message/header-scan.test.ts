import { describe, expect, test } from 'vitest';
import { headerScanBytesMax, scanHeader } from './header-scan.ts';

function scan(lines: readonly string[]): ReturnType<typeof scanHeader> {
  return scanHeader(Buffer.from(lines.join('\r\n')));
}

describe('header scan', () => {
  test('counts Received lines of the header only, in any case', () => {
    const facts = scan([
      'Received: a',
      ' received: folded',
      'RECEIVED : b',
      'Subject: x',
      '',
      'Received: body',
    ]);
    expect(facts.receivedLines).toBe(2);
  });

  test('unfolds and shortens what an operator sees, and makes controls visible', () => {
    const facts = scan(['Subject: one', '\ttwo\x07', 'Message-ID:  <a@b>  ', 'Subject: second', '', '']);
    expect(facts.subject).toBe('one\ttwo\\x07'.replace('\t', '\\t'));
    expect(facts.headerMessageId).toBe('<a@b>');
    expect(scan([`Subject: ${'x'.repeat(5000)}`, '', '']).subject).toHaveLength(250);
  });

  test('knows the priority classes, and takes anything else for normal', () => {
    expect(scan(['X-Mailwheel-Priority: bulk', '', '']).priority).toBe('bulk');
    expect(scan(['x-mailwheel-priority: HIGH', '', '']).priority).toBe('high');
    expect(scan(['X-Mailwheel-Priority: urgent', '', '']).priority).toBe('normal');
  });

  test.each([[''], ['\r\n'], ['Subject: no end'], ['no header at all\r\n'], [': \r\n'], [' \r\nSubject: x']])(
    'says nothing wrong about %j',
    (text) => {
      expect(scanHeader(Buffer.from(text)).receivedLines).toBe(0);
    },
  );

  test('looks at the beginning of an endless header only', () => {
    const lines = Buffer.from('A: b\r\n'.repeat(headerScanBytesMax / 2));
    const late = Buffer.concat([lines, Buffer.from('Received: late\r\n\r\n')]);
    expect(scanHeader(late).receivedLines).toBe(0);
  });
});
