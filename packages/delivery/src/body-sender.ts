/**
 * Puts a body on the wire byte for byte (RFC 5321 section 4.5.2). nodemailer's data stream is not used: it makes CRLF of bare
 * CR and LF, and it needs a stream per message. Only CRLF ends a line here, as it does for a receiver that keeps to the
 * standard; bare CR and LF are the ingress's to refuse (rules.md, "Listening safely").
 */

const dotAtLineStart = Buffer.from('\r\n.');
const dot = Buffer.from('.');
const terminatorAfterLine = Buffer.from('.\r\n');
const terminatorInLine = Buffer.from('\r\n.\r\n');
const dotByte = 0x2e;
const crByte = 0x0d;
const lfByte = 0x0a;

/** The body with its dots stuffed: the same buffer when there are none to stuff, as in nineteen of twenty messages. */
export function stuffed(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  if (body[0] === dotByte) parts.push(dot);
  for (;;) {
    const found = body.indexOf(dotAtLineStart, from);
    if (found < 0) break;
    // The dot at the end of this part is sent again as the first byte of the next.
    parts.push(body.subarray(from, found + dotAtLineStart.length));
    from = found + dotAtLineStart.length - 1;
  }
  if (parts.length === 0) return body;
  parts.push(body.subarray(from));
  return Buffer.concat(parts);
}

/** What ends the body: a CRLF before the dot only if the body's last line has none. */
export function terminator(body: Buffer): Buffer {
  const { length } = body;
  if (length === 0) return terminatorAfterLine;
  return body[length - 2] === crByte && body[length - 1] === lfByte ? terminatorAfterLine : terminatorInLine;
}
