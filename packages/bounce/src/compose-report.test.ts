import { createMessageId, type DestinationKey, type Envelope, type Recipient } from '@mailwheel/envelope';
import { describe, expect, it } from 'vitest';
import { composeReport } from './compose-report.ts';
import type { ReportOptions, ReportRecipient, ReportRequest } from './types.ts';

const acceptedAtMs = Date.UTC(2025, 10, 24, 9, 5, 6);
const message = Buffer.from(
  'Received: from client by relay.example.net\r\nFrom: a@example.org\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\n\r\nBody.\r\n.dot\r\n',
);
const options: ReportOptions = {
  messageId: createMessageId(new Uint8Array(17).fill(7), 0),
  hostname: 'relay.example.net',
  wholeMessageBytesMax: 10_240,
  nowMs: acceptedAtMs + 3 * 86_400_000,
  boundary: 'golden=_boundary',
};

function recipient(index: number, address: string, more: Partial<Recipient> = {}): Recipient {
  return { index, address, destination: 'example.com' as DestinationKey, ...more };
}

function original(more: Partial<Envelope> = {}): Envelope {
  return {
    messageId: createMessageId(new Uint8Array(17).fill(3), 0),
    messageNumber: 5,
    reversePath: 'sender@example.org',
    recipients: [recipient(0, 'user@example.com', { originalRecipient: 'rfc822;User+2BTag@example.com' })],
    envid: 'QQ+2D314',
    smtpUtf8: false,
    body: '8BITMIME',
    bodyBytes: message.length,
    priority: 'normal',
    acceptedAtMs,
    origin: { protocol: 'smtp', clientAddress: '192.0.2.1', connectionNumber: 1 },
    subject: 'hello',
    headerMessageId: '<1@example.org>',
    ...more,
  };
}

const refused: ReportRecipient = {
  index: 0,
  action: 'failed',
  status: '5.1.1',
  diagnosticReply: '550 5.1.1 unknown user',
  remoteHost: '10.0.0.1:25',
  lastAttemptMs: acceptedAtMs + 60_000,
};

function request(more: Partial<ReportRequest> = {}): ReportRequest {
  return {
    original: original(),
    originalBody: message,
    recipients: [refused],
    hostReplies: [
      { host: '10.0.0.1:25', reply: '550 5.1.1 unknown user', atMs: acceptedAtMs + 60_000 },
      {
        host: 'backup.example.net:25',
        reply: '452 4.3.1 Insufficient system resources',
        atMs: acceptedAtMs + 30_000,
      },
    ],
    why: 'refused',
    ...more,
  };
}

function text(more: Partial<ReportRequest> = {}, with_: Partial<ReportOptions> = {}): string {
  return composeReport(request(more), { ...options, ...with_ }).body.toString();
}

/** Parts between the boundaries, header and content. */
function parts(report: string, boundary = options.boundary): string[] {
  return report.split(`\r\n--${boundary}`).slice(1, -1);
}

it('is word for word what we promise', () => {
  expect(text().replaceAll('\r\n', '\n')).toBe(`From: "Mail Delivery System" <MAILER-DAEMON@relay.example.net>
To: <sender@example.org>
Subject: Undelivered mail returned to sender
Date: Thu, 27 Nov 2025 09:05:06 +0000
Message-ID: <${options.messageId}@relay.example.net>
In-Reply-To: <1@example.org>
References: <1@example.org>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="golden=_boundary"

This is a report in several parts (MIME, RFC 6522).

--golden=_boundary
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

This is the mail system at relay.example.net.

Your message could not be delivered to the recipients below. It will not be
tried again for them.

Sent:    Mon, 24 Nov 2025 09:05:06 +0000
Subject: hello

<user@example.com>
    10.0.0.1:25 said: 550 5.1.1 unknown user

What each host that was asked said last:

    10.0.0.1:25, Mon, 24 Nov 2025 09:06:06 +0000
        550 5.1.1 unknown user
    backup.example.net:25, Mon, 24 Nov 2025 09:05:36 +0000
        452 4.3.1 Insufficient system resources


--golden=_boundary
Content-Description: Delivery report
Content-Type: message/delivery-status
Content-Transfer-Encoding: 7bit

Original-Envelope-Id: QQ-314
Reporting-MTA: dns; relay.example.net
X-Mailwheel-Message-Id: ${original().messageId}
Arrival-Date: Mon, 24 Nov 2025 09:05:06 +0000

Original-Recipient: rfc822; User+Tag@example.com
Final-Recipient: rfc822; user@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; [10.0.0.1]
Diagnostic-Code: smtp; 550 5.1.1 unknown user
Last-Attempt-Date: Mon, 24 Nov 2025 09:06:06 +0000

--golden=_boundary
Content-Description: Undelivered message
Content-Type: message/rfc822
Content-Transfer-Encoding: 7bit

${message.toString().replaceAll('\r\n', '\n')}
--golden=_boundary--
`);
});

describe('what is returned', () => {
  const headersOnly =
    /Content-Type: text\/rfc822-headers[\s\S]*Subject: hello\r\nMessage-ID: <1@example.org>\r\n$/;

  it('is the whole message up to the limit and the headers above it', () => {
    expect(parts(text({}, { wholeMessageBytesMax: message.length }))[2]).toContain('message/rfc822');
    expect(parts(text({}, { wholeMessageBytesMax: message.length - 1 }))[2]).toMatch(headersOnly);
  });

  it('is never whole above the limit, whatever RET says, and headers when RET says so', () => {
    const full = { original: original({ ret: 'FULL' }) };
    expect(parts(text(full, { wholeMessageBytesMax: 10 }))[2]).toMatch(headersOnly);
    expect(parts(text(full))[2]).toContain('message/rfc822');
    expect(parts(text({ original: original({ ret: 'HDRS' }) }))[2]).toMatch(headersOnly);
  });

  it.each(['delayed', 'relayed'] as const)('is headers only when nothing failed: %s', (why) => {
    const recipients = [{ ...refused, action: why }];
    expect(parts(text({ why, recipients, original: original({ ret: 'FULL' }) }))[2]).toMatch(headersOnly);
  });

  it('is marked 8bit where the message is, up to the top', () => {
    const originalBody = Buffer.from('Subject: x\r\n\r\ngr\xfc\xdfe\r\n', 'latin1');
    const report = composeReport(request({ originalBody }), options);
    expect(report.bodyType).toBe('8BITMIME');
    expect(report.body.includes(originalBody)).toBe(true);
    expect(report.body.toString('latin1')).toMatch(/boundary"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n/);
  });

  it.each([
    ['a line above 998 octets', `Subject: x\r\n\r\n${'y'.repeat(999)}\r\n`],
    ['a bare LF', 'Subject: x\r\n\r\none\ntwo\r\n'],
    ['a NUL', 'Subject: x\r\n\r\none\0two\r\n'],
  ])('is headers only when the message could not travel unchanged: %s', (_, body) => {
    const report = text({ originalBody: Buffer.from(body) });
    expect(parts(report)[2]).toMatch(/Content-Type: text\/rfc822-headers[\s\S]*\r\n\r\nSubject: x\r\n$/);
  });

  it('is encoded when headers hold what lines cannot', () => {
    const originalBody = Buffer.from(`Subject: gr\xfc\xdfe\r\nX-Long: ${'z'.repeat(2000)}\r\n\r\n`, 'latin1');
    const report = text({ originalBody }, { wholeMessageBytesMax: 0 });
    expect(parts(report)[2]).toContain('quoted-printable');
    expect(parts(report)[2]).toContain('Subject: gr=FC=DFe');
    expect(Math.max(...report.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
  });

  it('is left out when no body was kept', () => {
    expect(parts(text({ originalBody: Buffer.alloc(0) }))).toHaveLength(2);
  });

  it('cannot end a part before its time', () => {
    const originalBody = Buffer.from(
      `Subject: x\r\n\r\n--${options.boundary}--\r\n--${options.boundary}.0\r\n`,
    );
    expect(parts(text({ originalBody }), `${options.boundary}.1`)).toHaveLength(3);
  });
});

describe('every kind', () => {
  it('an expired message says how long it was tried and what the last host said', () => {
    const report = text({ why: 'expired', recipients: [{ ...refused, status: '4.4.7' }] });
    expect(report).toContain('within 3 days');
    expect(report).toContain('Status: 4.4.7\r\nRemote-MTA: dns; [10.0.0.1]\r\nDiagnostic-Code: smtp; 550');
  });

  it('a delay says until when it is tried', () => {
    const report = text({
      why: 'delayed',
      recipients: [{ ...refused, action: 'delayed', status: '4.3.1' }],
      expiresAtMs: acceptedAtMs + 4 * 86_400_000,
    });
    expect(report).toContain('Subject: Delayed mail (still being retried)');
    expect(report).toContain('Will-Retry-Until: Fri, 28 Nov 2025 09:05:06 +0000');
  });

  it('a relayed message says that this is the last report', () => {
    const report = text({ why: 'relayed', recipients: [{ index: 0, action: 'relayed', status: '2.0.0' }] });
    expect(report).toContain('Action: relayed\r\nStatus: 2.0.0\r\n');
    expect(report).toContain('no host said anything (2.0.0)');
  });

  it('what we found ourselves is not called a reply of SMTP', () => {
    const recipients = [
      { ...refused, diagnosticReply: 'connection refused', remoteHost: '[2001:db8::1]:25' },
    ];
    const report = text({ recipients });
    expect(report).toContain('Diagnostic-Code: x-mailwheel; connection refused');
    expect(report).toContain('Remote-MTA: dns; [IPv6:2001:db8::1]');
  });
});

describe('SMTPUTF8', () => {
  const utf8Message = Buffer.from('Subject: Grüße\r\n\r\nHallo\r\n');
  const recipients = [recipient(0, 'größe@bücher.example')];

  it('a UTF-8 reverse-path gets UTF-8 all through (RFC 6533)', () => {
    const report = composeReport(
      request({
        original: original({ smtpUtf8: true, reversePath: 'jürgen@bücher.example', recipients }),
        originalBody: utf8Message,
      }),
      options,
    );
    const body = report.body.toString();
    expect(report).toMatchObject({ smtpUtf8: true, bodyType: '8BITMIME', to: 'jürgen@bücher.example' });
    expect(body).toContain('To: <jürgen@bücher.example>\r\n');
    expect(body).toContain('Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit');
    expect(body).toContain('Final-Recipient: utf-8; größe@bücher.example\r\n');
    expect(body).toContain(
      'Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: Grüße',
    );
  });

  it('an ASCII reverse-path gets a report that every host can take', () => {
    const report = composeReport(
      request({ original: original({ smtpUtf8: true, recipients, ret: 'HDRS' }), originalBody: utf8Message }),
      options,
    );
    const body = report.body.toString();
    expect(report).toMatchObject({ smtpUtf8: false, bodyType: '7BIT' });
    expect(body).toContain('Final-Recipient: utf-8; gr\\x{F6}\\x{DF}e@b\\x{FC}cher.example\r\n');
    const encoded = Buffer.from('Subject: Grüße\r\n').toString('base64');
    expect(body).toContain(`message/global-headers\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}`);
    expect(/[^\0-\x7f]/.test(body)).toBe(false);
    expect(body).toContain('<gr=C3=B6=C3=9Fe@b=C3=BCcher.example>');
  });
});

describe('text of strangers', () => {
  const evil = 'x\r\nBcc: victim@example.com\r\n\r\nbody\0\u2028';

  it('never ends a line, wherever it stands', () => {
    const report = text({
      original: original({
        envid: 'a+0D+0ABcc:+20victim@example.com',
        subject: evil,
        headerMessageId: '<1@x>\r\nBcc: victim@example.com',
        reversePath: 'a@b.example\r\nBcc: victim@example.com',
        recipients: [
          recipient(0, 'u@x.example\r\nBcc: victim@example.com', {
            originalRecipient: 'rfc822\r\nBcc;v+0D+0ABcc:+20victim@example.com',
          }),
        ],
      }),
      recipients: [{ ...refused, diagnosticReply: evil, remoteHost: evil }],
      hostReplies: [{ host: evil, reply: evil, atMs: 0 }],
    });
    const lines = report.split('\r\n');
    expect(lines.filter((line) => /^(?:Bcc|body$)/i.test(line))).toEqual([]);
    expect(report.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0\u2028]/);
  });

  it('never makes a line longer than 998 octets, and is folded before words', () => {
    const long = `550 ${'word '.repeat(500)}${'x'.repeat(3000)}`;
    const report = text({
      recipients: [{ ...refused, diagnosticReply: long }],
      hostReplies: [{ host: 'h', reply: long, atMs: 0 }],
    });
    expect(Math.max(...report.split('\r\n').map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(998);
    const folded = /Diagnostic-Code: (.*(?:\r\n .*)*)/.exec(report)?.[1]?.replaceAll('\r\n', '') ?? '';
    expect(folded.replaceAll(' ', '')).toBe(`smtp;${long}`.replaceAll(' ', ''));
  });

  it('becomes ASCII in the part for machines', () => {
    const report = text({ recipients: [{ ...refused, diagnosticReply: '550 unzustellbar: geschützt' }] });
    expect(report).toContain('Diagnostic-Code: smtp; 550 unzustellbar: gesch?tzt');
    expect(report).toContain('gesch=C3=BCtzt');
  });
});

it('refuses to report about a report, about nobody, and with a boundary that is none', () => {
  expect(() => text({ original: original({ reversePath: '' }) })).toThrow(/no addressee/);
  expect(() => text({ recipients: [] })).toThrow(/recipient to speak of/);
  expect(() => text({}, { boundary: 'a b"\r\n' })).toThrow(/boundary/);
  expect(() => text({ recipients: [{ ...refused, index: 9 }] })).toThrow(/recipient 9/);
  expect(text({ original: original({ reversePath: '' }) }, { to: 'postmaster@example.net' })).toContain(
    'To: <postmaster@example.net>\r\n',
  );
});
