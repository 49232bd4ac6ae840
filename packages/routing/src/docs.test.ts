/** docs/routes.md says what the parser does: its examples parse, its errors are the parser's. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatRouteError, parseRoutes } from './parse.ts';

const page = readFileSync(new URL('../../../docs/routes.md', import.meta.url), 'utf8');
const examples = Array.from(page.matchAll(/^```routes\n(.*?)^```$/gms), (match) => match[1] ?? '');
const errors = Array.from(page.matchAll(/^\| `([^`]+)` \| (column .*) \|$/gm), (match) => [
  match[1] ?? '',
  match[2] ?? '',
]);

test('there are examples and errors', () => {
  expect(examples.length).toBeGreaterThanOrEqual(2);
  expect(errors.length).toBeGreaterThanOrEqual(10);
});

test.each(examples)('the example %# parses', (text) => {
  expect(parseRoutes(text)).toMatchObject({ ok: true });
});

test.each(errors)('%s gives the error the page says', (line, error) => {
  const result = parseRoutes(line);
  expect(result.ok ? [] : result.errors.map(formatRouteError)).toEqual([`line 1, ${error}`]);
});
