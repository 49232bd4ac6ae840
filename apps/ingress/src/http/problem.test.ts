import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fieldProblem, Problem, problemKinds } from './problem.ts';

const page = readFileSync(new URL('../../../../docs/http-api.md', import.meta.url), 'utf8');

describe('problems', () => {
  test('are documented with their status, each, and no other is', () => {
    const documented = Object.fromEntries(
      [...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)].map(([, kind, status]) => [kind, Number(status)]),
    );
    const known = Object.entries(problemKinds).map(([kind, { status }]) => [kind, status]);
    expect(documented).toEqual(Object.fromEntries(known));
  });

  test('name the field', () => {
    expect(fieldProblem('/to/0', 'no address').document()).toEqual({
      type: 'urn:mailwheel:problem:invalid-field',
      title: 'A field of the request is not valid',
      status: 422,
      detail: '/to/0: no address',
      errors: [{ field: '/to/0', message: 'no address' }],
    });
    expect(new Problem('not-found', 'gone').document()).not.toHaveProperty('errors');
  });
});
