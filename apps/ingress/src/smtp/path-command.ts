/**
 * Reading the two commands that carry a path, `MAIL FROM:<path> parameters` and `RCPT TO:<path> parameters` (RFC 5321
 * sections 4.1.1.2 and 4.1.1.3). smtp-server's own reader is not used: it rewrites domains to their Unicode form, decodes
 * xtext, drops what it does not know, and splits a quoted local part at its blanks.
 */
import { isUtf8 } from 'node:buffer';
import { replies, type Judged } from './reply.ts';

export interface PathCommand {
  /** What stood between the angle brackets, as written; `''` is the null path. */
  readonly path: string;
  /** Keyword in upper case -> value as written; `undefined`: a keyword without a value. Each occurs once. */
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

const heads = { MAIL: /^MAIL FROM:[ \t]*</i, RCPT: /^RCPT TO:[ \t]*</i } as const;

/** RFC 5321 section 4.1.2, esmtp-keyword and esmtp-value; RFC 6531 section 3.3 adds non-ASCII to the value. */
const parameter = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u{80}-\u{10ffff}]+))?$/u;

/** Reads one command line (without its line end). */
export function readPathCommand(verb: 'MAIL' | 'RCPT', line: Buffer): Judged<PathCommand> {
  if (!isUtf8(line)) return { kind: 'refused', reply: replies.notUtf8 };
  const text = line.toString('utf8');
  const head = heads[verb].exec(text)?.[0].length;
  if (head === undefined) return { kind: 'refused', reply: replies.pathSyntax };
  const end = closingBracket(text, head);
  if (end === undefined) return { kind: 'refused', reply: replies.pathSyntax };
  const rest = text.slice(end + 1);
  if (rest !== '' && rest[0] !== ' ') return { kind: 'refused', reply: replies.pathSyntax };
  const parameters = new Map<string, string | undefined>();
  for (const word of rest.split(' ')) {
    if (word === '') continue;
    const match = parameter.exec(word);
    if (match === null) return { kind: 'refused', reply: replies.pathSyntax };
    const keyword = (match[1] ?? '').toUpperCase();
    if (parameters.has(keyword)) return { kind: 'refused', reply: replies.repeatedParameter };
    parameters.set(keyword, match[2]);
  }
  return { kind: 'taken', value: { path: text.slice(head, end), parameters } };
}

/** Place of the `>` that ends the path: one inside a quoted local part does not (RFC 5321 section 4.1.2, Quoted-string). */
function closingBracket(text: string, from: number): number | undefined {
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '>') return at;
    else if (character === '<') return undefined;
  }
  return undefined;
}
