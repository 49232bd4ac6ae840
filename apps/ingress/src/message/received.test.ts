import { createMessageId } from '@mailwheel/envelope';
import { describe, expect, test } from 'vitest';
import { mailDate, receivedLine } from './received.ts';

const messageId = createMessageId(new Uint8Array(17), 0);
const atMs = Date.UTC(2025, 10, 24, 16, 29, 0);
const base = { clientAddress: '192.0.2.7', hostname: 'relay.example.net', messageId, atMs } as const;

describe('Received line', () => {
  test('names client, us, protocol, id, the only recipient and the date, folded', () => {
    const line = receivedLine({
      ...base,
      heloName: 'client.example',
      protocol: 'ESMTP',
      recipient: 'a@b.example',
    });
    expect(line).toBe(
      'Received: from client.example ([192.0.2.7])\r\n' +
        `\tby relay.example.net with ESMTP id ${messageId}\r\n` +
        '\tfor <a@b.example>;\r\n' +
        '\tMon, 24 Nov 2025 16:29:00 +0000\r\n',
    );
  });

  test('over HTTP there is no HELO name, and an IPv6 address is written as a literal', () => {
    const line = receivedLine({ ...base, clientAddress: '2001:db8::7', protocol: 'HTTP' });
    expect(line).toMatch(
      /^Received: from \[IPv6:2001:db8::7\]\r\n\tby relay\.example\.net with HTTP id m00a+;\r\n\tMon/,
    );
  });

  test('a HELO name cannot break out of its place', () => {
    const line = receivedLine({
      ...base,
      heloName: 'x) by evil.example (\u00e4\r\nBcc: y',
      protocol: 'SMTP',
    });
    expect(line).toMatch(/^Received: from x\?\?by\?evil\.example\?\?\?\?\?Bcc:\?y \(\[192\.0\.2\.7\]\)\r\n/);
    expect(line.split('\r\n')).toHaveLength(4);
  });

  test('every line is short enough (RFC 5322 section 2.1.1)', () => {
    const line = receivedLine({
      ...base,
      heloName: 'h'.repeat(300),
      protocol: 'ESMTP',
      recipient: 'r'.repeat(254),
    });
    expect(Math.max(...line.split('\r\n').map((part) => part.length))).toBeLessThan(998);
  });

  test('the date is kept within a second and renewed after it', () => {
    expect(mailDate(atMs + 999)).toBe('Mon, 24 Nov 2025 16:29:00 +0000');
    expect(mailDate(atMs + 1000)).toBe('Mon, 24 Nov 2025 16:29:01 +0000');
  });
});
