/** Line ends of a message that did not come over SMTP: files on disk end their lines with LF, mail with CRLF. */

const lf = 0x0a;
const cr = 0x0d;

/** True if a CR or an LF stands alone. Two native searches a line, no copy. */
export function hasBareNewline(message: Buffer): boolean {
  let at = 0;
  for (;;) {
    const lineFeed = message.indexOf(lf, at);
    const carriageReturn = message.indexOf(cr, at);
    if (lineFeed < 0 && carriageReturn < 0) return false;
    if (carriageReturn < 0 || lineFeed !== carriageReturn + 1) return true;
    at = lineFeed + 1;
  }
}

/** The message with CRLF in place of every CR LF, CR or LF; the same Buffer if nothing had to change. */
export function withCrlf(message: Buffer): Buffer {
  if (!hasBareNewline(message)) return message;
  return Buffer.from(message.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n'), 'latin1');
}
