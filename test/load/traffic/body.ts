/** Messages of the benchmarks: a filler as smtp-source makes it, or a realistic one (text and an attachment in base64). */
import { writeFile } from 'node:fs/promises';

export type Body = { readonly kind: 'filler' | 'realistic'; readonly bytes: number };

const words =
  'the of delivery and mail a to host when with queue your order message we please account report has been monthly for invoice attached this is in not on update by meeting from thanks team address which number can date will service as it are new customer price information'.split(
    ' ',
  );
const lineCharacters = 72;
const base64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Writes a message of about that size, the same for the same size, for `smtp-source -F`. Lines end in LF, as it wants. */
export async function writeRealistic(path: string, bytes: number): Promise<void> {
  const next = xorshift(bytes);
  const head = [
    'From: Monthly reports <reports@src.test>',
    'To: Somebody <r@dest.test>',
    'Subject: Your report of this month is attached',
    'Date: Mon, 24 Nov 2025 16:29:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="limit"',
    '',
    '--limit',
    'Content-Type: text/plain; charset=utf-8',
    '',
  ].join('\n');
  const text = lines(Math.floor(bytes / 2) - head.length, () => `${words[next() % words.length]} `);
  const middle = '\n--limit\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n';
  const rest = bytes - head.length - text.length - middle.length;
  const attachment = lines(rest, () => base64[next() % base64.length] as string);
  await writeFile(path, `${head}${text}${middle}${attachment}\n--limit--\n`);
}

function lines(bytes: number, part: () => string): string {
  let made = '';
  let line = '';
  while (made.length < bytes) {
    line += part();
    if (line.length < lineCharacters) continue;
    made += `${line.trimEnd()}\n`;
    line = '';
  }
  return made;
}

/** A small generator with a seed: the same message on every machine. */
function xorshift(seed: number): () => number {
  let state = (seed | 0) + 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % 0x7fffffff;
  };
}
