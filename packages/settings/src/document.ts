/** Reading the settings file's text: YAML to plain values, and from a path back to its line. */
import { isMap, isNode, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import type { SettingsPath, SettingsProblem } from './problem.ts';

const aliasesMax = 100;

export interface SettingsDocument {
  readonly value: Record<string, unknown>;
  /** 1-based line on which the key of this path stands; for an absent key, that of its parent. */
  readonly lineOf: (path: SettingsPath) => number | undefined;
}

/** YAML 1.2. Doubled keys are errors. An empty text is an empty section. */
export function readDocument(
  yaml: string,
):
  | { readonly ok: true; readonly document: SettingsDocument }
  | { readonly ok: false; readonly problems: SettingsProblem[] } {
  const lines = new LineCounter();
  const parsed = parseDocument(yaml, { lineCounter: lines, prettyErrors: false });
  if (parsed.errors.length > 0) {
    return {
      ok: false,
      problems: parsed.errors.map((error) => ({
        path: '',
        message: `this is not YAML: ${error.message}`,
        source: 'file',
        line: lines.linePos(error.pos[0]).line,
      })),
    };
  }
  const value = plainValue(parsed);
  if (value === undefined) {
    const message = 'an alias (*) stands for too much or for itself; write the values out';
    return { ok: false, problems: [{ path: '', message, source: 'file', line: 1 }] };
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    const message = 'expected sections and keys, such as `hostname: relay.example.net`';
    return { ok: false, problems: [{ path: '', message, source: 'file', line: 1 }] };
  }
  return {
    ok: true,
    document: {
      value: value as Record<string, unknown>,
      lineOf: (path) => lineOf(parsed, lines, path),
    },
  };
}

/**
 * Plain values of their own: copied by way of JSON, so that an override never writes into a YAML alias that stands in two
 * places. Undefined for aliases that grow without measure or contain themselves.
 */
function plainValue(parsed: Document): object | string | number | boolean | undefined {
  try {
    return JSON.parse(JSON.stringify(parsed.toJS({ maxAliasCount: aliasesMax }) ?? {})) as object;
  } catch {
    return undefined;
  }
}

function lineOf(parsed: Document, lines: LineCounter, path: SettingsPath): number | undefined {
  let node: unknown = parsed.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isNode(item.key) && String(item.key) === String(step));
      if (pair === undefined || !isNode(pair.key)) break;
      offset = pair.key.range?.[0];
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (!isNode(node)) break;
      offset = node.range?.[0];
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}
