/** Which reverse-paths a token or a user may send from. */

export const anySender = (): boolean => true;

/** Patterns against `local@destination` in lower case; `''` (the null reverse-path) is matched like any other text. */
export function senderPatterns(patterns: readonly string[] | undefined): (reversePath: string) => boolean {
  if (patterns === undefined) return anySender;
  const pieces = patterns.map((pattern) => pattern.toLowerCase().split('*'));
  return (reversePath) => pieces.some((parts) => matches(parts, reversePath.toLowerCase()));
}

/** `parts` are the pieces between the stars. Linear in the text: no pattern can make it slow. */
function matches(parts: readonly string[], text: string): boolean {
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return text === first;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
