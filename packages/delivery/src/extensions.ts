/** What a host offers in its answer to EHLO (RFC 5321 section 4.1.1.1). */

export interface Extensions {
  readonly pipelining: boolean;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  readonly startTls: boolean;
  /** Largest message the host takes (RFC 1870); Infinity: it does not say. Undefined: no SIZE. */
  readonly sizeBytesMax: number | undefined;
  /** Mechanisms of AUTH, upper case. */
  readonly auth: readonly string[];
}

/** A host that only knows HELO. */
export const noExtensions: Extensions = {
  pipelining: false,
  eightBitMime: false,
  smtpUtf8: false,
  dsn: false,
  startTls: false,
  sizeBytesMax: undefined,
  auth: [],
};

/**
 * Reads the reply to EHLO line by line. nodemailer's own reading is not used: it looks for keywords anywhere in the text, so
 * that a host named `mx-dsn.example` has DSN.
 */
export function parseExtensions(ehloReply: string): Extensions {
  const keywords = new Map<string, string>();
  for (const line of ehloReply.split(/\r?\n/).slice(1)) {
    const found = /^\d{3}[ -]([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =](.*))?$/.exec(line.trimEnd());
    if (found?.[1] !== undefined) keywords.set(found[1].toUpperCase(), found[2] ?? '');
  }
  const size = keywords.get('SIZE');
  const auth = keywords.get('AUTH');
  return {
    pipelining: keywords.has('PIPELINING'),
    eightBitMime: keywords.has('8BITMIME'),
    smtpUtf8: keywords.has('SMTPUTF8'),
    dsn: keywords.has('DSN'),
    startTls: keywords.has('STARTTLS'),
    // `SIZE 0` and `SIZE` both mean no fixed maximum (RFC 1870 section 4).
    sizeBytesMax: size === undefined ? undefined : Number(/^\d+/.exec(size)?.[0] ?? 0) || Infinity,
    auth:
      auth === undefined
        ? []
        : auth
            .toUpperCase()
            .split(/[\s=]+/)
            .filter((word) => word !== ''),
  };
}
