import { createFakeClock, waitFor } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { Watchdog } from './watchdog.ts';

test('tells only those whose moment has passed, by the clock it was given', async () => {
  const clock = createFakeClock();
  const watchdog = new Watchdog(clock.now, 1);
  const told: string[] = [];
  const watch = (name: string, limitAtMs: number) => {
    const watched = {
      limitAtMs,
      expire: () => {
        told.push(name);
        watchdog.delete(watched);
      },
    };
    watchdog.add(watched);
    return watched;
  };
  const later = watch('later', clock.now() + 1000);
  const never = watch('never', Infinity);
  watch('now', clock.now());
  await waitFor('the first', () => told.length === 1);
  clock.advance(1000);
  await waitFor('the second', () => told.length === 2);
  expect(told).toEqual(['now', 'later']);
  expect(later.limitAtMs).toBe(clock.now());
  watchdog.delete(never);
});

test('what comes at once after a pause is not late', async () => {
  const clock = createFakeClock();
  const watchdog = new Watchdog(clock.now, 1);
  let expired = 0;
  const watched = { limitAtMs: clock.now() + 100, expire: () => (expired += 1) };
  watchdog.add(watched);
  clock.advance(1000);
  // The first tick after the pause finds it late; by the next one the reply has been read and the limit is another.
  await new Promise((resolve) => setTimeout(resolve, 6));
  watched.limitAtMs = clock.now() + 100;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(expired).toBe(0);
  watchdog.delete(watched);
});
