/** What depends on the role, and which listeners refuse to start. */
import { describe, expect, it } from 'vitest';
import {
  missingFor,
  parseSettings,
  resolveFor,
  unsafeListeners,
  type Role,
  type WrittenSettings,
} from './index.ts';

function written(yaml: string): WrittenSettings {
  const parsed = parseSettings({ yaml, environment: {} });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings;
}

const tls = 'tls: { certificateFile: c, keyFile: k }';
const certified = 'tls: { certificateFile: c, keyFile: k, caFile: a, clientCertificates: required }';
const tokens = `tokens: [{name: a, sha256: "${'0'.repeat(64)}"}]`;

describe('resolving for a role', () => {
  it('trusts loopback in up, and nobody in ingress until told', () => {
    const trusted = (role: Role, yaml: string): readonly string[] =>
      resolveFor(role, written(yaml)).ingress.smtp.trustedNetworks;
    expect(trusted('up', '')).toEqual(['127.0.0.0/8', '::1/128']);
    expect(trusted('ingress', '')).toEqual([]);
    expect(trusted('up', 'ingress: { smtp: { trustedNetworks: [] } }')).toEqual([]);
    expect(trusted('ingress', 'ingress: { smtp: { trustedNetworks: [10.0.0.0/8] } }')).toEqual([
      '10.0.0.0/8',
    ]);
  });

  it('takes the name of the machine when none is written', () => {
    expect(resolveFor('worker', written(''), { hostname: 'mx1.example' }).hostname).toBe('mx1.example');
    expect(resolveFor('worker', written('hostname: a.example'), { hostname: 'mx1' }).hostname).toBe(
      'a.example',
    );
  });

  it('keeps the default destination beside named ones, and their names lower case', () => {
    expect(
      resolveFor('worker', written('destinations: { Example.COM: { concurrencyMax: 2 } }')).destinations,
    ).toEqual({
      default: { concurrencyMax: 500 },
      'example.com': { concurrencyMax: 2 },
    });
  });

  it('asks every role but up for its Redis', () => {
    expect(missingFor('worker', written(''))).toEqual([expect.objectContaining({ path: 'redis' })]);
    expect(missingFor('up', written(''))).toEqual([]);
    expect(missingFor('worker', written('redis: { sentinel: { name: m, addresses: ["a:1"] } }'))).toEqual([]);
  });
});

describe('listening safely', () => {
  it.each<[Role, string, string[]]>([
    ['up', '', []],
    ['console', 'console: { listen: "0.0.0.0:3000" }', ['console.listen']],
    ['console', 'console: { listen: "[::]:3000" }', ['console.listen']],
    ['console', 'console: { listen: "board.example:3000" }', ['console.listen']],
    ['console', 'console: { listen: "localhost:3000" }', []],
    ['console', 'console: { listen: "0.0.0.0:3000", login: { user: a, passwordFile: b } }', []],
    ['console', 'console: { listen: "0.0.0.0:3000", users: [{ name: a, passwordHashFile: f }] }', []],
    ['console', 'console: { listen: "0.0.0.0:3000", proxy: { trustedAddresses: ["10.0.0.5"] } }', []],
    ['ingress', 'console: { listen: "0.0.0.0:3000" }', []],
    ['ingress', 'ingress: { http: { listen: "10.0.0.1:80" } }', ['ingress.http.listen']],
    ['ingress', `ingress: { http: { listen: "10.0.0.1:80", ${tokens} } }`, []],
    ['ingress', 'ingress: { listen: "0.0.0.0:9463" }', []],
    ['ingress', 'ingress: { smtp: { listen: "0.0.0.0:25" } }', []],
    [
      'up',
      'ingress: { smtp: { listen: "0.0.0.0:25", trustedNetworks: ["0.0.0.0/0"] } }',
      ['ingress.smtp.listen'],
    ],
    ['up', 'ingress: { smtp: { listen: "0.0.0.0:25", trustedNetworks: ["::/0"] } }', ['ingress.smtp.listen']],
    [
      'ingress',
      `ingress: { smtp: { trustedNetworks: ["0.0.0.0/0"], ${tls} }, smtps: { listen: "0.0.0.0:465" } }`,
      ['ingress.smtps.listen'],
    ],
    [
      'ingress',
      `ingress: { smtp: { listen: "0.0.0.0:25", trustedNetworks: ["0.0.0.0/0"], usersFile: u, ${tls} } }`,
      ['ingress.smtp.listen'],
    ],
    [
      'ingress',
      `ingress: { smtp: { listen: "0.0.0.0:25", trustedNetworks: ["0.0.0.0/0"], ${certified} } }`,
      [],
    ],
    ['ingress', `ingress: { smtp: { listen: "0.0.0.0:25", usersFile: u, ${tls} } }`, []],
    [
      'ingress',
      'ingress: { smtp: { listen: "0.0.0.0:25", proxyFrom: ["0.0.0.0/0"] } }',
      ['ingress.smtp.listen'],
    ],
    ['ingress', 'ingress: { smtp: { listen: "0.0.0.0:25", proxyFrom: ["10.0.0.0/24"] } }', []],
    ['worker', 'worker: { listen: "0.0.0.0:9464" }', []],
  ])('%s with %s', (role, yaml, paths) => {
    const unsafe = unsafeListeners(written(yaml), role);
    expect(unsafe.map((listener) => listener.path)).toEqual(paths);
    expect(unsafe.every((listener) => !listener.allowed)).toBe(true);
  });

  it('starts an unsafe listener when told to, and still names it', () => {
    const unsafe = unsafeListeners(written('console: { listen: "0.0.0.0:3000", insecure: true }'), 'console');
    expect(unsafe).toEqual([
      {
        path: 'console.listen',
        listen: '0.0.0.0:3000',
        message:
          'anybody may read and delete mail here; give console.users, console.login or console.proxy, or set console.insecure: true to start all the same',
        allowed: true,
      },
    ]);
  });
});
