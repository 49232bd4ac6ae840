/** Every template of the mail_logs form, word for word. */
import { describe, expect, it } from 'vitest';
import { createLogger, eventNatures, type LogEvent } from '../index.ts';

const atMs = new Date(2026, 7, 2, 9, 5, 1, 250).getTime();

function lineOf(event: LogEvent): string {
  let line = '';
  const destination = { write: (text: string) => (line += text) };
  createLogger({
    format: 'mail_logs',
    level: 'info',
    messages: 'all',
    role: 'worker',
    destination,
    nowMs: () => atMs,
  }).event(event);
  return line;
}

const postponed = {
  dcid: 3,
  mid: 7,
  rid: 0,
  enhancedCode: '4.3.1',
  text: 'Insufficient system resources',
  code: '452',
  reply: '452 4.3.1 Insufficient system resources',
} as const;

const templates: readonly [LogEvent, string][] = [
  [
    {
      event: 'icid-open',
      icid: 5,
      interfaceName: 'smtp',
      interfaceAddress: '10.0.0.9',
      address: '10.0.0.7',
      reverseName: 'app.example',
      verified: true,
    },
    'New SMTP ICID 5 interface smtp (10.0.0.9) address 10.0.0.7 reverse dns host app.example verified yes',
  ],
  [
    {
      event: 'icid-open',
      icid: 6,
      interfaceName: 'smtp',
      interfaceAddress: '10.0.0.9',
      address: '10.0.0.7',
      reverseName: '',
      verified: false,
    },
    'New SMTP ICID 6 interface smtp (10.0.0.9) address 10.0.0.7 reverse dns host unknown verified no',
  ],
  [
    { event: 'icid-tls', icid: 5, protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
    'ICID 5 TLS success protocol TLSv1.3 cipher TLS_AES_256_GCM_SHA384',
  ],
  [
    { event: 'icid-tls-failed', icid: 5, address: '10.0.0.7', details: 'no shared cipher' },
    'ICID 5 address 10.0.0.7 TLS failed: no shared cipher',
  ],
  [
    { event: 'login', icid: 5, address: '10.0.0.7', user: 'app', mechanism: 'PLAIN', succeeded: true },
    'SMTP Auth: (ICID 5) succeeded for user: app using AUTH mechanism: PLAIN address 10.0.0.7',
  ],
  [
    { event: 'login', icid: 5, address: '10.0.0.7', user: '', mechanism: 'LOGIN', succeeded: false },
    'SMTP Auth: (ICID 5) failed for user: (unknown) using AUTH mechanism: LOGIN address 10.0.0.7',
  ],
  [{ event: 'message-start', mid: 7, icid: 5 }, 'Start MID 7 ICID 5'],
  [{ event: 'from', mid: 7, icid: 5, address: 'a@example.net' }, 'MID 7 ICID 5 From: <a@example.net>'],
  [{ event: 'from', mid: 7, icid: 5, address: '' }, 'MID 7 ICID 5 From: <>'],
  [
    { event: 'to', mid: 7, icid: 5, rid: 1, address: 'b@example.com' },
    'MID 7 ICID 5 RID 1 To: <b@example.com>',
  ],
  [{ event: 'message-id', mid: 7, headerMessageId: '<x@y>' }, "MID 7 Message-ID '<x@y>'"],
  [{ event: 'subject', mid: 7, subject: 'Grüße' }, "MID 7 Subject 'Grüße'"],
  [
    { event: 'message-ready', mid: 7, bytes: 512, address: 'a@example.net' },
    'MID 7 ready 512 bytes from <a@example.net>',
  ],
  [{ event: 'queued', mid: 7 }, 'MID 7 queued for delivery'],
  [{ event: 'icid-close', icid: 5 }, 'ICID 5 close'],
  [
    { event: 'dcid-open', dcid: 300, interfaceAddress: '10.0.0.9', address: '192.168.1.20', port: 25 },
    'New SMTP DCID 300 interface 10.0.0.9 address 192.168.1.20 port 25',
  ],
  [
    { event: 'tls', dcid: 300, protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
    'DCID 300 TLS success protocol TLSv1.3 cipher TLS_AES_256_GCM_SHA384',
  ],
  [
    { event: 'delivery-start', dcid: 300, mid: 7, rids: [0, 1] },
    'Delivery start DCID 300 MID 7 to RID [0, 1]',
  ],
  [{ event: 'message-done', dcid: 300, mid: 7, rids: [0] }, 'Message done DCID 300 MID 7 to RID [0]'],
  [{ event: 'response', mid: 7, rids: [0], reply: '250 2.0.0 Ok' }, 'MID 7 RID [0] Response 250 2.0.0 Ok'],
  [{ event: 'message-finished', mid: 7 }, 'Message finished MID 7 done'],
  [{ event: 'dcid-close', dcid: 300 }, 'DCID 300 close'],
  [
    {
      event: 'connection-error',
      dcid: 299,
      domain: 'example.com',
      address: '192.168.1.10',
      port: 25,
      details: '431 Mail system full',
      interfaceAddress: '10.0.0.9',
      reason: 'unexpected SMTP response',
    },
    'Connection Error: DCID 299 domain: example.com IP: 192.168.1.10 port: 25 details: 431 Mail system full interface: 10.0.0.9 reason: unexpected SMTP response',
  ],
  [
    { event: 'delayed', ...postponed },
    "Delayed: DCID 3 MID 7 to RID 0 - 4.3.1 - Insufficient system resources ('452', ['452 4.3.1 Insufficient system resources']) []",
  ],
  [
    {
      event: 'bounced',
      ...postponed,
      enhancedCode: '5.1.1',
      text: 'no such user',
      code: '550',
      reply: '550 5.1.1 no such user',
    },
    "Bounced: DCID 3 MID 7 to RID 0 - 5.1.1 - no such user ('550', ['550 5.1.1 no such user']) []",
  ],
  [{ event: 'generated-bounce', mid: 8, of: 7 }, 'MID 8 was generated for bounce of MID 7'],
];

describe('the mail_logs form', () => {
  it.each(templates)('%j', (event, text) => {
    expect(lineOf(event)).toBe(`Sun Aug 02 09:05:01 2026 Info: ${text}\n`);
  });

  it('is tested for every event about a message, but for the ones it has no template for', () => {
    const tested = new Set(templates.map(([event]) => event.event));
    const about = Object.entries(eventNatures).filter(([, nature]) => nature.about !== 'operation');
    expect(about.map(([name]) => name).filter((name) => !tested.has(name as LogEvent['event']))).toEqual([
      'accept-refused',
      'discarded',
      'attempt',
    ]);
  });

  it('has no line for the attempt record: its facts stand in the others', () => {
    expect(
      lineOf({
        event: 'attempt',
        mid: 7,
        destination: 'example.com',
        attempt: 1,
        host: '10.0.0.1:25',
        dcid: 3,
        phase: 'final',
        outcome: 'delivered',
        rids: [0],
        reply: '250 ok',
        durationMs: 4,
      }),
    ).toBe('');
  });

  it('cannot be given a second line by a peer', () => {
    const line = lineOf({
      event: 'response',
      mid: 7,
      rids: [0],
      reply: '250 ok\r\nSun Aug 02 Info: ICID 1 close\u001b[2J\u202e',
    });
    expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(line).toContain(String.raw`250 ok\r\nSun Aug 02 Info: ICID 1 close\x1b[2J\u202e`);
  });

  it('cuts what is too long', () => {
    expect(lineOf({ event: 'subject', mid: 7, subject: 'x'.repeat(5000) }).length).toBeLessThan(1100);
  });

  it('marks alarms with their level', () => {
    expect(lineOf({ event: 'repair', what: 'due index', count: 2, destination: 'example.com' })).toBe(
      'Sun Aug 02 09:05:01 2026 Warning: Repaired: due index of example.com (2)\n',
    );
  });
});
