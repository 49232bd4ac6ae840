/**
 * The third part: the message that the report speaks of, whole or its headers only. Whole only where RFC 3461 section 4.3
 * asks or allows it (a failure, RET not HDRS), up to `wholeMessageBytesMax`, and if it can travel unchanged: message/rfc822
 * must not be encoded (RFC 2046 section 5.2.1), so one with lines above 998 octets comes back as headers.
 */
import { base64Lines, contentTraits, quotedPrintable, type TransferEncoding } from './transfer-encoding.ts';
import type { ReportOptions, ReportRequest } from './types.ts';

export interface ReturnedMessage {
  readonly contentType: string;
  readonly description: string;
  readonly encoding: TransferEncoding;
  readonly content: Buffer;
}

/** `utf8`: the report travels with SMTPUTF8, so headers in UTF-8 may stand in it as they are. Undefined: no body was kept. */
export function returnedMessage(
  { original, originalBody, why }: ReportRequest,
  { wholeMessageBytesMax }: ReportOptions,
  utf8: boolean,
): ReturnedMessage | undefined {
  if (originalBody.length === 0) return undefined;
  const headers = headerBlock(originalBody);
  const headersAreUtf8 = original.smtpUtf8 && contentTraits(headers).eightBit;
  const failed = why === 'refused' || why === 'expired';
  const traits = contentTraits(originalBody);
  const whole =
    failed && original.ret !== 'HDRS' && originalBody.length <= wholeMessageBytesMax && !traits.unfitLines;
  const description = whole
    ? 'Undelivered message'
    : failed
      ? 'Undelivered message headers'
      : 'Message headers';
  if (headersAreUtf8) {
    // RFC 6532 section 3.7 and RFC 6533 section 5 allow any encoding for message/global and message/global-headers.
    const contentType = whole ? 'message/global' : 'message/global-headers';
    const content = whole ? originalBody : headers;
    if (utf8 && !contentTraits(content).unfitLines)
      return { contentType, description, encoding: '8bit', content };
    return { contentType, description, encoding: 'base64', content: Buffer.from(base64Lines(content)) };
  }
  if (whole) {
    const encoding = traits.eightBit ? '8bit' : '7bit';
    return { contentType: 'message/rfc822', description, encoding, content: originalBody };
  }
  const contentType = 'text/rfc822-headers';
  const { eightBit, unfitLines } = contentTraits(headers);
  if (!eightBit && !unfitLines) return { contentType, description, encoding: '7bit', content: headers };
  const content = Buffer.from(quotedPrintable(headers));
  return { contentType, description, encoding: 'quoted-printable', content };
}

/** Up to and with the line end before the empty line; all of it if there is none. */
function headerBlock(body: Buffer): Buffer {
  if (body.subarray(0, 2).toString('latin1') === '\r\n') return body.subarray(0, 0);
  const end = body.indexOf('\r\n\r\n');
  const bareEnd = body.indexOf('\n\n');
  if (end >= 0 && (bareEnd < 0 || end < bareEnd)) return body.subarray(0, end + 2);
  return bareEnd >= 0 ? body.subarray(0, bareEnd + 1) : body;
}
