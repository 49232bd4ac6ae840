/** Syntax of addresses in settings. */
import { describe, expect, it } from 'vitest';
import { isEverybody, isHostName, isIpAddress, isNetwork } from './addresses.ts';
import { formatListen, isLoopback, parseListen } from './index.ts';

describe('listen addresses', () => {
  it.each(['127.0.0.1:25', '[::1]:25', 'localhost:0', '[2001:db8::1]:65535', 'a-b.example:1'])(
    '%s',
    (text) => {
      const parsed = parseListen(text);
      expect(parsed && formatListen(parsed)).toBe(text);
    },
  );

  it.each(['', '25', ':25', '::1:25', '[::1]', '[zz]:1', 'a:65536', 'a b:1', 'a:-1', '*:25', 'http://a:1'])(
    'not %j',
    (text) => expect(parseListen(text)).toBeUndefined(),
  );

  it('count as loopback only when they cannot be anything else', () => {
    const loopback = (text: string): boolean => isLoopback(parseListen(text) ?? { host: '', port: 0 });
    expect(['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'LOCALHOST:1'].map(loopback)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['0.0.0.0:1', '[::]:1', '127.example:1', '10.0.0.1:1'].map(loopback)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('names, addresses and networks', () => {
  it('tells them apart', () => {
    expect(['a.example', 'x_y', 'localhost'].every(isHostName)).toBe(true);
    expect(['a..b', '-a.example', 'a.example.', 'ex ample', ''].some(isHostName)).toBe(false);
    expect(['10.0.0.1', '2001:db8::1'].every(isIpAddress)).toBe(true);
    expect(['10.0.0', '10.0.0.256', 'x'].some(isIpAddress)).toBe(false);
    expect(['10.0.0.0/8', '2001:db8::/32', '10.0.0.1'].every(isNetwork)).toBe(true);
    expect(['10.0.0.0/33', '10/8', 'x/8'].some(isNetwork)).toBe(false);
  });

  it('knows the network that is everybody', () => {
    expect(['0.0.0.0/0', '::/0'].every(isEverybody)).toBe(true);
    expect(['10.0.0.0/8', '10.0.0.0/10', '0.0.0.0'].some(isEverybody)).toBe(false);
  });
});
