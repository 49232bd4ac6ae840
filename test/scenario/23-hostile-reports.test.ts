/** Delivery status notifications about what hostile peers said: always readable, and nobody's words become fields. */
import { composeReport, type ReportRequest } from '@mailwheel/bounce';
import { createMessageId, type DestinationKey } from '@mailwheel/envelope';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { hostileText } from './hostile-text.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('delivery status notifications', () => {
  const id = (byte: number): ReturnType<typeof createMessageId> =>
    createMessageId(new Uint8Array(17).fill(byte), 0);
  const request = fc.record({
    address: fc.oneof(
      fc.constant('user@dest.example'),
      hostileText.map((text) => `${text}@dest.example`),
    ),
    originalRecipient: hostileText,
    envid: hostileText,
    subject: hostileText,
    headerMessageId: hostileText,
    reply: hostileText,
    host: hostileText,
    body: fc.oneof(
      hostileText,
      hostileText.map((text) => `Subject: x\r\n${text}\r\n\r\n${text}`),
    ),
    why: fc.constantFrom('refused', 'expired', 'delayed', 'relayed'),
  });

  test('whatever a peer said: the header is ours alone, the parts are three, no line is bare or too long', () => {
    fc.assert(
      fc.property(request, (given) => {
        const recipient = {
          index: 0,
          address: given.address,
          destination: 'dest.example' as DestinationKey,
          originalRecipient: given.originalRecipient,
        };
        const asked: ReportRequest = {
          original: {
            messageId: id(1),
            messageNumber: 1,
            reversePath: 'sender@home.example',
            recipients: [recipient],
            envid: given.envid,
            smtpUtf8: false,
            body: '8BITMIME',
            bodyBytes: given.body.length,
            priority: 'normal',
            acceptedAtMs: 1_700_000_000_000,
            origin: { protocol: 'smtp', clientAddress: '192.0.2.1', connectionNumber: 1 },
            subject: given.subject,
            headerMessageId: given.headerMessageId,
          },
          originalBody: Buffer.from(given.body),
          recipients: [
            {
              index: 0,
              action: 'failed',
              status: '5.1.1',
              diagnosticReply: given.reply,
              remoteHost: given.host,
            },
          ],
          hostReplies: [{ host: given.host, reply: given.reply, atMs: 1_700_000_001_000 }],
          why: given.why,
        };
        const boundary = 'boundary=_1';
        const report = composeReport(asked, {
          messageId: id(2),
          hostname: 'relay.example',
          wholeMessageBytesMax: 10_240,
          nowMs: 1_700_000_002_000,
          boundary,
        });
        const text = report.body.toString('latin1');
        const header = text.slice(0, text.indexOf('\r\n\r\n'));
        const names = header
          .split('\r\n')
          .filter((line) => !/^[ \t]/.test(line))
          .map((line) => line.split(':')[0] ?? '');
        expect(names.filter((name) => !ours.includes(name))).toEqual([]);
        expect(new Set(names).size).toBe(names.length);
        const used = /boundary="([^"]+)"/.exec(header)?.[1] ?? '';
        // A message without a header has nothing to return.
        expect([3, 4]).toContain(text.split(`\r\n--${used}\r\n`).length);
        expect(text.endsWith(`\r\n--${used}--\r\n`)).toBe(true);
        expect(text.split('\r\n').every((line) => line.length <= 998)).toBe(true);
        const machine = text.split(`\r\n--${used}`)[2] ?? '';
        expect(machine).not.toMatch(/^Bcc:/im);
        // One block about the message and one about the recipient: nobody can add a third.
        expect(
          machine
            .slice(machine.indexOf('\r\n\r\n') + 4)
            .split('\r\n\r\n')
            .filter((block) => block.trim() !== ''),
        ).toHaveLength(2);
        const returned = given.body.replaceAll('\r\n', '');
        if (!/[\r\n\0]/.test(returned)) expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      }),
      { numRuns: 500 },
    );
  });
  const ours = [
    'From',
    'To',
    'Subject',
    'Date',
    'Message-ID',
    'In-Reply-To',
    'References',
    'Auto-Submitted',
    'MIME-Version',
    'Content-Type',
    'Content-Transfer-Encoding',
  ];
});
