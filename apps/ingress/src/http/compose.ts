/**
 * From a checked JSON submission to a message, by nodemailer's composer. Only fields we know are handed on, each built
 * anew: `path`, `href` and `raw` of an attachment cannot reach the composer, and its access to files and URLs is off
 * besides.
 */
import type { NotifyCondition, Priority } from '@mailwheel/envelope';
import MailComposer, { type MailComposerAttachment } from 'nodemailer/lib/mail-composer';
import type { Named } from './envelope.ts';
import { fieldProblem } from './problem.ts';
import { reservedHeaders } from './schemas.ts';

export type MailboxField = string | { readonly address: string; readonly name?: string };

/** What `submissionSchema` lets through. */
export interface JsonSubmission {
  readonly from: MailboxField;
  readonly to?: readonly MailboxField[];
  readonly cc?: readonly MailboxField[];
  readonly bcc?: readonly MailboxField[];
  readonly replyTo?: readonly MailboxField[];
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly attachments?: readonly {
    readonly filename?: string;
    readonly contentType?: string;
    readonly contentBase64: string;
    readonly cid?: string;
  }[];
  readonly priority?: Priority;
  readonly notify?: readonly NotifyCondition[];
  readonly ret?: 'FULL' | 'HDRS';
  readonly envid?: string;
}

interface Mailbox {
  readonly address: string;
  readonly name: string;
}

/** `Name <user@example.com>`, the name quoted or not. */
const withName = /^\s*(?:"([^"<>]*)"|([^"<>]*?))\s*<([^<>]+)>\s*$/;

/** Reads a mailbox; what its address is worth, `readEnvelope` judges. */
export function readMailbox(field: MailboxField): Mailbox {
  if (typeof field !== 'string') return { address: field.address, name: withoutBlankRuns(field.name ?? '') };
  const match = withName.exec(field);
  if (match === null) return { address: field.trim(), name: '' };
  return { address: match[3] ?? '', name: withoutBlankRuns(match[1] ?? match[2] ?? '') };
}

/** Text that is folded in front of a blank, with one blank at every such place. */
const foldedCharactersMin = 40;

/**
 * One blank for several in a text that may be folded: a long run would become a line of nothing but blanks (RFC 5322 section
 * 3.2.2 forbids it), which some readers take for the end of the header.
 */
function withoutBlankRuns(text: string): string {
  return text.length < foldedCharactersMin ? text : text.replace(/\s{2,}/g, ' ').trim();
}

/** The addresses mail goes to, with the fields they stand in. Bcc is named here and nowhere else. */
export function recipientsOf(submission: JsonSubmission): Named[] {
  return (['to', 'cc', 'bcc'] as const).flatMap((list) =>
    (submission[list] ?? []).map((mailbox, at) => ({
      field: `/${list}/${at}`,
      address: readMailbox(mailbox).address,
    })),
  );
}

/** Composes the message: CRLF line ends but for what an attached message brought. Throws a Problem for a reserved header. */
export function composeMessage(submission: JsonSubmission): Promise<Buffer> {
  const { subject, text, html } = submission;
  const composer = new MailComposer({
    from: readMailbox(submission.from),
    to: (submission.to ?? []).map(readMailbox),
    cc: (submission.cc ?? []).map(readMailbox),
    replyTo: (submission.replyTo ?? []).map(readMailbox),
    ...(subject === undefined ? {} : { subject: withoutBlankRuns(subject) }),
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    headers: Object.entries(submission.headers ?? {}).map(readHeader),
    attachments: (submission.attachments ?? []).map(readAttachment),
    newline: 'win',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

function readHeader([key, value]: readonly [string, string]): {
  readonly key: string;
  readonly value: string;
} {
  const name = key.toLowerCase();
  if (reservedHeaders.includes(name) || name.startsWith('content-') || name.startsWith('resent-')) {
    throw fieldProblem(`/headers/${key}`, 'this header field cannot be set here');
  }
  return { key, value: withoutBlankRuns(value) };
}

function readAttachment(
  attachment: NonNullable<JsonSubmission['attachments']>[number],
): MailComposerAttachment {
  const { filename, contentType, cid } = attachment;
  return {
    ...(filename === undefined ? {} : { filename: withoutBlankRuns(filename) }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(cid === undefined ? {} : { cid }),
    content: Buffer.from(attachment.contentBase64, 'base64'),
  };
}
