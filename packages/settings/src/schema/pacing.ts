/** Settings of patience: when a message is tried again, and how long an ill host is left alone. */
import { fraction, section, whole, type Field } from '../field.ts';

export interface RetryScheduleSettings {
  readonly firstWaitSeconds: number;
  readonly longestWaitSeconds: number;
  readonly maxAgeSeconds: number;
  readonly maxAttempts: number;
  readonly jitter: number;
}

export interface HostHealthSettings {
  readonly firstRestSeconds: number;
  readonly longestRestSeconds: number;
  readonly aloneRestSeconds: number;
  readonly restJitter: number;
  readonly rampStartPerSecond: number;
  readonly rampLevels: number;
  readonly probeLeaseSeconds: number;
  readonly shySeconds: number;
}

export const retry: Field<RetryScheduleSettings> = section<RetryScheduleSettings>(
  'When recipients that were deferred are tried again.',
  {
    firstWaitSeconds: fraction({
      min: 0.1,
      max: 86_400,
      initial: 60,
      unit: 'seconds',
      says: 'Wait after the first attempt; it doubles with each further one.',
    }),
    longestWaitSeconds: fraction({
      min: 0.1,
      max: 604_800,
      initial: 3600,
      unit: 'seconds',
      says: 'The wait grows no further than this.',
    }),
    maxAgeSeconds: fraction({
      min: 0.1,
      max: 2_592_000,
      initial: 259_200,
      unit: 'seconds',
      says: 'A recipient still open when its message is this old is given up and bounced with 4.4.7.',
    }),
    maxAttempts: whole({
      min: 1,
      max: 10_000,
      initial: 100,
      unit: 'attempts',
      says: 'A recipient still open after this many attempts is given up and bounced.',
    }),
    jitter: fraction({
      min: 0,
      max: 1,
      initial: 0.1,
      unit: 'share of the wait',
      says: 'Random part of each wait, so that messages deferred together do not return together.',
    }),
  },
);

export const hostHealth: Field<HostHealthSettings> = section<HostHealthSettings>(
  'How long a destination host that failed is left alone, and how its traffic comes back.',
  {
    firstRestSeconds: fraction({
      min: 0.1,
      max: 86_400,
      initial: 15,
      unit: 'seconds',
      says: 'Rest after the first failure; it doubles with each failed probe.',
    }),
    longestRestSeconds: fraction({
      min: 0.1,
      max: 86_400,
      initial: 300,
      unit: 'seconds',
      says: 'The rest grows no further than this.',
    }),
    aloneRestSeconds: fraction({
      min: 0.1,
      max: 86_400,
      initial: 30,
      unit: 'seconds',
      says: 'While no host of a destination is up, a resting one is probed after this long at the latest.',
    }),
    restJitter: fraction({
      min: 0,
      max: 1,
      initial: 0.2,
      unit: 'share of the rest',
      says: 'Width of the random range of a rest; 0.2 means 0.9 to 1.1 times the rest.',
    }),
    rampStartPerSecond: fraction({
      min: 0.1,
      max: 10_000,
      initial: 5,
      unit: 'messages per second',
      says: 'Messages a second that a recovering host gets at first.',
    }),
    rampLevels: whole({
      min: 0,
      max: 20,
      initial: 6,
      unit: 'doublings',
      says: 'Doublings of that rate until the host counts as healthy.',
    }),
    probeLeaseSeconds: fraction({
      min: 1,
      max: 3600,
      initial: 60,
      unit: 'seconds',
      says: 'A probe that nobody reports on is given up after this long.',
    }),
    shySeconds: fraction({
      min: 0,
      max: 300,
      initial: 5,
      unit: 'seconds',
      says: 'A message that already made a host fail leaves its probe to others for this long.',
    }),
  },
);
