/** Reports read by programs that are not ours: flufl.bounce (Mailman) and Sisimai. Skipped where they are not installed. */
import { composeReport, type ReportRecipient, type ReportRequest } from '@mailwheel/bounce';
import { createMessageId, type DestinationKey, type Envelope } from '@mailwheel/envelope';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

/** The interpreter of the system: Debian installs flufl.bounce for it, and not for one from elsewhere. */
const python = '/usr/bin/python3';
const fluflProgram = `
import email, json, sys
from flufl.bounce import all_failures
with open(sys.argv[1], 'rb') as file:
    temporary, permanent = all_failures(email.message_from_binary_file(file))
print(json.dumps({k: sorted(a.decode() for a in v) for k, v in (('temporary', temporary), ('permanent', permanent))}))
`;
const folder = mkdtempSync(join(tmpdir(), 'mailwheel-dsn-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function installed(program: string, parameters: string[]): boolean {
  try {
    execFileSync(program, parameters, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function flufl(report: Buffer): { temporary: string[]; permanent: string[] } {
  return JSON.parse(execFileSync(python, ['-c', fluflProgram, file(report)], { encoding: 'utf8' }));
}

interface SisimaiView {
  readonly recipient: string;
  readonly action: string;
  readonly deliverystatus: string;
  readonly replycode: string;
  readonly reason: string;
  readonly rhost: string;
  readonly diagnosticcode: string;
  readonly addresser: string;
  readonly messageid: string;
}

function sisimai(report: Buffer): SisimaiView[] {
  const program = 'print Sisimai->dump($ARGV[0], delivered => 1)';
  return JSON.parse(execFileSync('perl', ['-MSisimai', '-e', program, file(report)], { encoding: 'utf8' }));
}

function file(report: Buffer): string {
  const path = join(folder, 'report.eml');
  writeFileSync(path, report);
  return path;
}

const acceptedAtMs = Date.UTC(2025, 10, 24, 9, 5, 6);
const body = Buffer.from(
  'From: a@example.org\r\nTo: list@example.com\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\nDate: Mon, 24 Nov 2025 09:05:00 +0000\r\n\r\nHello\r\n',
);
const addresses = ['unknown@example.com', 'full@example.com', 'slow@example.com'];

function report(
  why: ReportRequest['why'],
  recipients: readonly ReportRecipient[],
  more: Partial<Envelope> = {},
): Buffer {
  const original: Envelope = {
    messageId: createMessageId(new Uint8Array(17).fill(3), 0),
    messageNumber: 5,
    reversePath: 'a@example.org',
    recipients: addresses.map((address, index) => ({
      index,
      address,
      destination: 'example.com' as DestinationKey,
    })),
    smtpUtf8: false,
    body: '7BIT',
    bodyBytes: body.length,
    priority: 'normal',
    acceptedAtMs,
    origin: { protocol: 'smtp', clientAddress: '192.0.2.1', connectionNumber: 1 },
    subject: 'hello',
    headerMessageId: '<1@example.org>',
    ...more,
  };
  const hostReplies = [
    { host: 'mx1.example.com:25', reply: '452 4.3.1 Insufficient system resources', atMs: acceptedAtMs },
    { host: '10.0.0.2:25', reply: '550 5.1.1 <unknown@example.com>: unknown user', atMs: acceptedAtMs },
  ];
  return composeReport(
    { original, originalBody: body, recipients, hostReplies, why, expiresAtMs: acceptedAtMs + 259_200_000 },
    {
      messageId: createMessageId(new Uint8Array(17).fill(7), 0),
      hostname: 'relay.example.net',
      wholeMessageBytesMax: 10_240,
      nowMs: acceptedAtMs + 600_000,
      boundary: '=_3f9a7c21',
    },
  ).body;
}

const unknown: ReportRecipient = {
  index: 0,
  action: 'failed',
  status: '5.1.1',
  diagnosticReply: '550 5.1.1 <unknown@example.com>: unknown user',
  remoteHost: '10.0.0.2:25',
  lastAttemptMs: acceptedAtMs + 60_000,
};
const full: ReportRecipient = {
  index: 1,
  action: 'failed',
  status: '5.2.2',
  diagnosticReply: '552 5.2.2 mailbox full',
  remoteHost: 'mx1.example.com:25',
  lastAttemptMs: acceptedAtMs + 60_000,
};
const expired: ReportRecipient = {
  index: 2,
  action: 'failed',
  status: '4.4.7',
  diagnosticReply: '452 4.3.1 Insufficient system resources',
  remoteHost: 'mx1.example.com:25',
  lastAttemptMs: acceptedAtMs + 60_000,
};
const delayed: ReportRecipient = { ...expired, action: 'delayed', status: '4.3.1' };

describe.skipIf(!installed(python, ['-c', 'import flufl.bounce']))('flufl.bounce', () => {
  it('finds every refused recipient and nobody else', () => {
    expect(flufl(report('refused', [unknown, full]))).toEqual({
      temporary: [],
      permanent: ['full@example.com', 'unknown@example.com'],
    });
  });

  it('finds the original recipient of a message that was returned as headers', () => {
    const recipients = [
      {
        index: 0,
        address: 'unknown@example.com',
        destination: 'example.com' as DestinationKey,
        originalRecipient: 'rfc822;Alias+2BTag@example.org',
      },
    ];
    const headers = report('refused', [unknown], { ret: 'HDRS', recipients });
    expect(flufl(headers).permanent).toEqual(['Alias+Tag@example.org']);
  });

  it('takes an expired message as failed for good and a delayed one as not', () => {
    expect(flufl(report('expired', [expired])).permanent).toEqual(['slow@example.com']);
    expect(flufl(report('delayed', [delayed]))).toEqual({ temporary: ['slow@example.com'], permanent: [] });
  });

  it('takes a relayed message as no failure', () => {
    const relayed: ReportRecipient = { index: 0, action: 'relayed', status: '2.0.0' };
    expect(flufl(report('relayed', [relayed]))).toEqual({ temporary: [], permanent: [] });
  });
});

describe.skipIf(!installed('perl', ['-MSisimai', '-e', '1']))('Sisimai', () => {
  it('reads recipient, action, status, host, reply and the original', () => {
    const views = sisimai(report('refused', [unknown, full])).toSorted((a, b) =>
      a.recipient < b.recipient ? -1 : 1,
    );
    expect(views).toMatchObject([
      { recipient: 'full@example.com', deliverystatus: '5.2.2', replycode: '552', reason: 'mailboxfull' },
      {
        recipient: 'unknown@example.com',
        action: 'failed',
        deliverystatus: '5.1.1',
        replycode: '550',
        reason: 'userunknown',
        rhost: '10.0.0.2',
        addresser: 'a@example.org',
        messageid: '1@example.org',
      },
    ]);
    expect(views[1]?.diagnosticcode).toContain('550 5.1.1 <unknown@example.com>: unknown user');
  });

  it('reads an expired and a delayed message', () => {
    // Sisimai believes the code in the reply more than Status, which is 4.4.7.
    expect(sisimai(report('expired', [expired]))).toMatchObject([
      { recipient: 'slow@example.com', action: 'failed', replycode: '452', deliverystatus: '4.3.1' },
    ]);
    expect(sisimai(report('delayed', [delayed]))).toMatchObject([
      { recipient: 'slow@example.com', action: 'delayed', deliverystatus: '4.3.1' },
    ]);
  });
});
