import { describe, expect, it } from 'vitest';
import type { HostSnapshot } from '@mailwheel/rotation';
import { cursorShares, tierPlace } from './shares.ts';

describe('the shares of a cursor', () => {
  it('stand beside the ideal, hosts in the order of their names', () => {
    const known = new Map([
      [
        '10.0.0.10:25|x',
        { key: '10.0.0.10:25|x', label: '10.0.0.10:25', state: 'unhealthy' } as HostSnapshot,
      ],
    ]);
    const turns = new Map([
      ['10.0.0.10:25|x', 10],
      ['10.0.0.2:25|x', 30],
    ]);
    expect(cursorShares({ tierKey: 'example.com:0', turns }, known)).toEqual({
      tierKey: 'example.com:0',
      route: 'example.com',
      tier: 'priority 0',
      turns: 40,
      ideal: 0.5,
      hosts: [
        { key: '10.0.0.2:25|x', label: '10.0.0.2:25', state: undefined, turns: 30, share: 0.75 },
        { key: '10.0.0.10:25|x', label: '10.0.0.10:25', state: 'unhealthy', turns: 10, share: 0.25 },
      ],
    });
  });

  it('of an empty tier divide nothing by nothing', () => {
    expect(cursorShares({ tierKey: 'example.com:0', turns: new Map() }, new Map())).toMatchObject({
      turns: 0,
      ideal: 0,
      hosts: [],
    });
    expect(cursorShares({ tierKey: 'a:0', turns: new Map([['h', 0]]) }, new Map()).hosts[0]?.share).toBe(0);
  });

  it('belong to a route and a place', () => {
    expect(tierPlace('DNS:0.10.1')).toEqual({ route: 'DNS', tier: 'priority 0, MX 10, family 1' });
    expect(tierPlace('.example.com:20')).toEqual({ route: '.example.com', tier: 'priority 20' });
  });
});
