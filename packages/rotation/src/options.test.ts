import { expect, it } from 'vitest';
import { optionsWith } from './fixture.ts';
import { rotationRules } from './options.ts';
import { SuccessBuffer } from './success-buffer.ts';

const none = undefined as never; // no command is sent here

it('fills in defaults and turns seconds into milliseconds', () => {
  expect(rotationRules(optionsWith(none))).toMatchObject({
    firstRestMs: 15_000,
    forgetMs: 86_400_000,
    shyMs: 5000,
  });
});

it('refuses limits that contradict one another', () => {
  expect(() => rotationRules(optionsWith(none, { forgetSeconds: 700 }))).toThrow('forgetSeconds');
  expect(() => rotationRules(optionsWith(none, { health: { firstRestSeconds: 400 } }))).toThrow(
    'longestRestSeconds',
  );
  expect(() => rotationRules(optionsWith(none, { health: { rampStartPerSecond: 0 } }))).toThrow(
    'rampStartPerSecond',
  );
  expect(() => rotationRules(optionsWith(none, { initialConnections: 0 }))).toThrow('initialConnections');
});

it('passes successes on together, at a pace, and knows no more hosts than it may', () => {
  const buffer = new SuccessBuffer({ paceMs: 100, hostsMax: 2 });
  buffer.add(new Map([['a', 1]]));
  expect(buffer.take(0)).toEqual(['a', 1]);
  buffer.add(new Map([['a', 2]]));
  buffer.add(
    new Map([
      ['a', 3],
      ['b', 1],
      ['c', 9],
    ]),
  );
  expect(buffer.take(50)).toEqual(['b', 1]);
  expect(buffer.take(100)).toEqual(['a', 5]);
  expect(buffer.take(500)).toEqual([]);
});
