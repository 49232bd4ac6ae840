/** The generated texts say what the program does. */
import { describe, expect, it } from 'vitest';
import { exampleYaml, parseSettings, renderReference } from './index.ts';
import type { Field } from './field.ts';
import { tree } from './schema.ts';
import { allPaths } from './suggest.ts';

function everyField(of: Field<unknown>): Field<unknown>[] {
  const below = [...Object.values(of.fields ?? {}), ...(of.item === undefined ? [] : [of.item])];
  return [of, ...below.flatMap(everyField)];
}

describe('the reference page', () => {
  it('has a row or a section for every setting', () => {
    const page = renderReference();
    for (const path of allPaths(tree as Field<unknown>).filter((known) => !known.endsWith('<name>'))) {
      expect(page).toMatch(new RegExp(`[\`.]${path.slice(path.lastIndexOf('.') + 1)}\``));
    }
    expect(page).toContain(
      '| `firstWaitSeconds` | number (seconds) | `60` | 0.1 to 86400 | Wait after the first attempt; it doubles with each further one. | `MAILWHEEL__RETRY__FIRSTWAITSECONDS` |',
    );
  });

  it('explains every setting in a sentence', () => {
    for (const field of everyField(tree as Field<unknown>)) expect(field.says).toMatch(/^[\p{Lu}/`].*\.$/u);
  });
});

describe('the example file', () => {
  it('parses to exactly the defaults', () => {
    const example = parseSettings({ yaml: exampleYaml(), environment: {} });
    expect(example).toEqual(parseSettings({ environment: {} }));
    expect(example.ok).toBe(true);
  });
});
