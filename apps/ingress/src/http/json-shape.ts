/**
 * Looks at the shape of a JSON text before it is parsed. A value of JSON costs up to thirty times its octets once it is
 * parsed: 50 MB of `[` or `{},` would become gigabytes, and take the process with them. Only brackets and commas outside of
 * strings are counted; whether the text is JSON at all, the parser says.
 */
import { jsonLimits } from './schemas.ts';

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;

/** True if the text has more values, or nests them deeper, than any submission the schema lets through. */
export function exceedsJsonLimits(text: string): boolean {
  let values = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at);
        if (at < 0) return false;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth++;
        values++;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case comma:
        values++;
        break;
    }
    if (values > jsonLimits.valuesMax || depth > jsonLimits.depthMax) return true;
  }
  return false;
}

/** Place of the closing quote; -1: there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = text.indexOf('"', at);
    if (at < 0) return -1;
    let before = at - 1;
    while (text.charCodeAt(before) === backslash) before--;
    if ((at - before) % 2 === 1) return at;
  }
}
