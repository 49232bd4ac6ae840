/** Failed logins of addresses: counted, slowed, forgotten, bounded. */
import { expect, test } from 'vitest';
import { LoginFailures } from './login-failures.ts';

let nowMs = 0;
function failures(more: { readonly addressesMax?: number } = {}): LoginFailures {
  nowMs = 1000;
  return new LoginFailures({ failuresMax: 3, forgetMs: 60_000, nowMs: () => nowMs, ...more });
}

test('after so many an address is not heard, others are, and in time it is heard again', () => {
  const of = failures();
  expect([1, 2, 3, 4].map(() => of.begin('192.0.2.1'))).toEqual([true, true, true, false]);
  expect(of.begin('192.0.2.2')).toBe(true);
  nowMs += 59_999;
  expect(of.begin('192.0.2.1')).toBe(false);
  nowMs += 1;
  expect(of.begin('192.0.2.1')).toBe(true);
});

test('attempts that run at once count from their beginning; a success is taken back, failures before it are not', () => {
  const of = failures();
  expect([1, 2, 3].map(() => of.begin('192.0.2.1'))).toEqual([true, true, true]);
  expect(of.begin('192.0.2.1')).toBe(false);
  of.takeBack('192.0.2.1');
  expect([of.begin('192.0.2.1'), of.begin('192.0.2.1')]).toEqual([true, false]);
});

test('each failure is answered later than the one before, up to 8 s', () => {
  const of = new LoginFailures({ failuresMax: 100, forgetMs: 1000, nowMs: () => 0 });
  const delays = Array.from({ length: 7 }, () => {
    of.begin('192.0.2.1');
    return of.delayMs('192.0.2.1');
  });
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test('a /64 of IPv6 is one address, however it is written', () => {
  const of = failures();
  const same = ['2001:db8:1:2::1', '2001:0db8:1:2:ffff::9', '2001:DB8:1:2:3:4:5:6'];
  expect(same.map((address) => of.begin(address))).toEqual([true, true, true]);
  expect(of.begin('2001:db8:1:2::77')).toBe(false);
  expect(of.begin('2001:db8:1:3::1')).toBe(true);
  expect(of.begin('::1')).toBe(true);
});

test('addresses are forgotten beyond a number, those that were quiet longest first', () => {
  const of = failures({ addressesMax: 100 });
  for (let host = 0; host < 3; host++) of.begin('192.0.2.1');
  for (let host = 0; host < 99; host++) of.begin(`198.51.100.${host}`);
  expect(of.begin('192.0.2.1')).toBe(false);
  for (let host = 0; host < 1000; host++) of.begin(`10.0.${host >> 8}.${host & 255}`);
  expect(of.addressCount).toBe(100);
  expect(of.begin('192.0.2.1')).toBe(true);
});
