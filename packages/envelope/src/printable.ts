/**
 * Text that came from a peer, made fit for a log line, a page or a label. Both functions are idempotent, so it does no
 * harm when two layers apply them.
 */

const ellipsis = '...';
/** Controls, separators that break lines, format characters (bidi overrides, zero width), lone surrogates. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}]/u;
const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** At most `max` UTF-16 units; what is cut ends in `...`. Never cuts a character in half. */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${head(text, Math.max(0, max - ellipsis.length))}${ellipsis.slice(0, max)}`;
}

/** Like `shorten`, with control, format and line-breaking characters written as escapes (`\n`, `\x1b`, `\u202e`). */
export function printable(text: string, max: number): string {
  if (text.length <= max && !unprintable.test(text)) return text;
  let whole = '';
  let cut = '';
  const looked = head(text, max + 1);
  for (const character of looked) {
    const piece = unprintable.test(character) ? escaped(character) : character;
    if (whole.length + piece.length <= max - ellipsis.length) cut = whole + piece;
    whole += piece;
    if (whole.length > max) return `${cut}${ellipsis.slice(0, max)}`;
  }
  return looked.length < text.length ? `${cut}${ellipsis.slice(0, max)}` : whole;
}

function head(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff && isLowSurrogate(text.charCodeAt(length));
  return text.slice(0, splitsPair ? length - 1 : length);
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return (
    named[character] ??
    (code <= 0xff
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : code <= 0xffff
        ? `\\u${code.toString(16).padStart(4, '0')}`
        : `\\u{${code.toString(16)}}`)
  );
}
