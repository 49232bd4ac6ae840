import { describe, expect, it } from 'vitest';
import { FailedLogins, loginOrigin } from './index.ts';

let nowMs = 0;
function logins(options: { addressesMax?: number } = {}): FailedLogins {
  nowMs = 1_000_000;
  return new FailedLogins({ monotonicMs: () => nowMs, ...options });
}

describe('wrong logins', () => {
  it('are free five times, then each makes its address wait twice as long, up to five minutes', () => {
    const failed = logins();
    for (let count = 0; count < 5; count += 1) expect(failed.attempt('192.0.2.1')).toBe(0);
    const waits: number[] = [];
    for (let count = 0; count < 12; count += 1) {
      const waitMs = failed.attempt('192.0.2.1');
      waits.push(waitMs);
      nowMs += waitMs;
      expect(failed.attempt('192.0.2.1')).toBe(0);
    }
    expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
    expect(waits.slice(-2)).toEqual([300_000, 300_000]);
    expect(failed.count('192.0.2.1')).toBe(17);
  });

  it('of another address do not count', () => {
    const failed = logins();
    for (let count = 0; count < 5; count += 1) failed.attempt('192.0.2.1');
    expect(failed.attempt('192.0.2.2')).toBe(0);
  });

  it('that come at once are each counted before any is checked', () => {
    const failed = logins();
    const waits = Array.from({ length: 100 }, () => failed.attempt('192.0.2.1'));
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(5);
  });

  it('are not paid for by a right one: only that itself is taken back', () => {
    const failed = logins();
    for (let count = 0; count < 4; count += 1) failed.attempt('192.0.2.1');
    failed.attempt('192.0.2.1');
    failed.succeeded('192.0.2.1');
    expect(failed.count('192.0.2.1')).toBe(4);
    failed.attempt('192.0.2.1');
    expect(failed.attempt('192.0.2.1')).toBeGreaterThan(0);
  });

  it('are forgotten after a quarter of an hour', () => {
    const failed = logins();
    for (let count = 0; count < 8; count += 1) failed.attempt('192.0.2.1');
    nowMs += 900_001;
    expect(failed.count('192.0.2.1')).toBe(0);
    expect(failed.size).toBe(0);
  });

  it('take bounded memory: the address that was quiet for longest is forgotten', () => {
    const failed = logins({ addressesMax: 3 });
    for (const last of [1, 2, 3, 1, 4]) failed.attempt(`192.0.2.${last}`);
    expect(failed.size).toBe(3);
    expect([1, 2, 3, 4].map((last) => failed.count(`192.0.2.${last}`))).toEqual([2, 0, 1, 1]);
  });
});

describe('one address', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:aaaa::1', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2:bbbb:0:0:7', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('%s counts as %s', (address, origin) => {
    expect(loginOrigin(address)).toBe(origin);
  });
});
