/** xtext of RFC 3461 section 4: how ENVID and ORCPT carry arbitrary text in an ESMTP parameter. */

const plain = /^[!-*,-<>-~]$/;
const wellFormed = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Every octet (UTF-8) outside `!` to `~`, and `+` and `=`, becomes `+HH`. */
export function encodeXtext(text: string): string {
  let encoded = '';
  for (const octet of encoder.encode(text)) {
    const character = String.fromCharCode(octet);
    encoded += plain.test(character) ? character : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** Decodes xtext; undefined if it is malformed (501 at the command it came with) or does not hold UTF-8. */
export function decodeXtext(xtext: string): string | undefined {
  if (!wellFormed.test(xtext)) return undefined;
  const octets = new Uint8Array(xtext.length);
  let count = 0;
  for (let at = 0; at < xtext.length; at++) {
    if (xtext[at] === '+') {
      octets[count++] = Number.parseInt(xtext.slice(at + 1, at + 3), 16);
      at += 2;
    } else {
      octets[count++] = xtext.charCodeAt(at);
    }
  }
  try {
    return decoder.decode(octets.subarray(0, count));
  } catch {
    return undefined;
  }
}
