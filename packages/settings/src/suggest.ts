/** Guessing which key was meant by one that does not exist. */
import type { Field } from './field.ts';

/** Levenshtein distance: insertions, deletions and exchanges of single characters. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const exchange = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(exchange, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The candidate closest to `word`, unless none is close: at most a third of the word, and at least two edits, may differ. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3));
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate;
}

/** Paths of all keys below a field; the part of a map that the operator chooses is written `<name>`. */
export function allPaths(of: Field<unknown>, prefix = ''): string[] {
  const below: [string, Field<unknown>][] = Object.entries(of.fields ?? {});
  if (of.kind === 'map' && of.item !== undefined) below.push(['<name>', of.item]);
  return below.flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return [path, ...allPaths(field, path)];
  });
}

/** Path of the key probably meant: a close sibling, else the same or a close word anywhere in the tree. */
export function suggestKey(
  root: Field<unknown>,
  unknown: { readonly key: string; readonly parent: string; readonly siblings: readonly string[] },
): string | undefined {
  const prefix = unknown.parent === '' ? '' : `${unknown.parent}.`;
  const sibling = nearest(unknown.key, unknown.siblings);
  if (sibling !== undefined) return prefix + sibling;
  const paths = allPaths(root);
  const lastWord = nearest(
    unknown.key,
    paths.map((path) => path.slice(path.lastIndexOf('.') + 1)),
  );
  return paths.find((path) => path === lastWord || path.endsWith(`.${lastWord}`));
}
