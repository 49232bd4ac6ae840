import { describe, expect, it } from 'vitest';
import { crossOriginProblem, isLocalName, type RequestHeaders } from './same-origin.ts';

const host = 'console.test:3000';

describe('a request that changes something', () => {
  it.each<[string, RequestHeaders]>([
    ['a page of ours', { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }],
    ['an old browser', { host, origin: `http://${host}` }],
    ['behind a proxy that ends TLS', { host, origin: `https://${host}` }],
    ['a browser that leaves out the origin', { host, 'sec-fetch-site': 'same-origin' }],
  ])('is taken from %s', (_who, headers) => {
    expect(crossOriginProblem('PUT', headers)).toBeUndefined();
  });

  it.each<[string, RequestHeaders]>([
    ['another site', { host, origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }],
    [
      'another port of this machine',
      { host, origin: 'http://console.test:8080', 'sec-fetch-site': 'same-site' },
    ],
    ['an old browser on another page', { host, origin: 'https://evil.test' }],
    ['a page without an origin', { host, origin: 'null' }],
    ['a forged name that only begins like ours', { host, origin: `http://${host}.evil.test` }],
    ['nobody knows where', { host }],
  ])('is refused from %s', (_who, headers) => {
    expect(crossOriginProblem('PUT', headers)).toMatch(/^the request /);
    expect(crossOriginProblem('GET', headers)).toBeUndefined();
  });
});

describe('names of this machine', () => {
  it.each(['localhost:3000', '127.0.0.1:3000', '[::1]:3000', 'LOCALHOST', '127.8.9.10'])(
    '%s is one',
    (name) => {
      expect(isLocalName(name)).toBe(true);
    },
  );

  it.each([undefined, 'evil.test:3000', '127.0.0.1.evil.test', '10.0.0.1', ''])('%s is none', (name) => {
    expect(isLocalName(name)).toBe(false);
  });
});
