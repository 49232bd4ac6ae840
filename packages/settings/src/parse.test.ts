/** One start must name every mistake, with its place, and never repeat a secret. */
import { describe, expect, it } from 'vitest';
import { parseSettings, type SettingsProblem } from './index.ts';

function problemsOf(yaml: string, environment: Record<string, string> = {}): readonly SettingsProblem[] {
  const parsed = parseSettings({ yaml, environment });
  return parsed.ok ? [] : parsed.problems;
}

describe('reading the settings file', () => {
  it('gives every default when there is no file', () => {
    const parsed = parseSettings({ environment: {} });
    expect(parsed).toMatchObject({
      ok: true,
      settings: {
        retry: { firstWaitSeconds: 60, longestWaitSeconds: 3600, maxAgeSeconds: 259_200, maxAttempts: 100 },
        ingress: { smtp: { listen: { host: '127.0.0.1', port: 2525 } } },
        destinations: { default: { concurrencyMax: 500 } },
      },
    });
  });

  it('takes the file of the README as it is', () => {
    const yaml = `
hostname: relay.example.net
dataFolder: ./data
redis: { url: redis://10.0.0.5:6379 }
ingress:
  smtp: { listen: "127.0.0.1:2525", trustedNetworks: ["127.0.0.0/8"] }
  http: { listen: "127.0.0.1:8025", tokens: [ { name: app1, sha256: "${'ab'.repeat(32)}" } ] }
console: { listen: "127.0.0.1:3000" }
worker: { listen: "[::1]:9464" }
routes: |
  example.com  10.0.0.1/pri=0, 10.0.0.2:2525/pri=0, backup.example.net/pri=10
nextHops:
  "backup.example.net:587": { tls: verify, auth: { user: u, passwordFile: /run/secrets/p } }
destinations: { example.com: { concurrencyMax: 5 } }
`;
    const parsed = parseSettings({ yaml, environment: {} });
    expect(parsed).toMatchObject({
      ok: true,
      settings: {
        worker: { listen: { host: '::1', port: 9464 } },
        nextHops: { 'backup.example.net:587': { tls: 'verify' } },
        destinations: { 'example.com': { concurrencyMax: 5 } },
      },
    });
  });

  it('leaves an optional list away instead of making it empty', () => {
    const parsed = parseSettings({ environment: {} });
    expect(parsed.ok && parsed.settings.ingress.smtp.trustedNetworks).toBeUndefined();
  });

  it('names an unknown key, its line, and the key that was meant', () => {
    expect(problemsOf('retry:\n  firstWaitSecond: 5\n')).toEqual([
      {
        path: 'retry.firstWaitSecond',
        message: 'no setting has this name; did you mean retry.firstWaitSeconds?',
        source: 'file',
        line: 2,
      },
    ]);
  });

  it('finds a key that was written in the wrong section', () => {
    const [problem] = problemsOf('ingress:\n  trustedNetworks: [10.0.0.0/8]\n');
    expect(problem?.message).toBe('no setting has this name; did you mean ingress.smtp.trustedNetworks?');
  });

  it('suggests nothing when nothing is near', () => {
    expect(problemsOf('quetzalcoatl: 1')[0]?.message).toBe('no setting has this name');
  });

  it.each([
    [
      'worker: { streams: 0 }',
      'worker.streams',
      'expected a whole number from 1 to 100000 (deliveries), got 0',
    ],
    [
      'worker: { streams: many }',
      'worker.streams',
      'expected a whole number from 1 to 100000 (deliveries), got "many"',
    ],
    ['delivery: { verdicts: strict }', 'delivery.verdicts', 'expected one of scoped, any-4xx, got "strict"'],
    ['console: { insecure: yes please }', 'console.insecure', 'expected true or false, got "yes please"'],
    [
      'retry:',
      'retry',
      /^expected a section with the keys firstWaitSeconds, .*but it is empty; leave the key out/,
    ],
    ['worker: { listen: 9464 }', 'worker.listen', 'expected host:port or [IPv6]:port, got 9464'],
    [
      'worker: { listen: "127.0.0.1:99999" }',
      'worker.listen',
      'expected host:port or [IPv6]:port, got "127.0.0.1:99999"',
    ],
    ['ownNames: [a.example, "b c"]', 'ownNames[1]', /^expected a host name .*got "b c"$/],
    ['destinations: { example.com: {} }', 'destinations."example.com".concurrencyMax', /but it is missing$/],
    [
      'nextHops: { "10.0.0.1:587": { tls: maybe } }',
      'nextHops."10.0.0.1:587".tls',
      /^expected one of none, /,
    ],
    [
      'console: { login: { user: a } }',
      'console.login',
      'exactly one of passwordFile and passwordSha256 must be given',
    ],
    [
      'redis: { url: "redis://a", cluster: { addresses: ["b:1"] } }',
      'redis',
      'only one of url, sentinel, cluster may be given; remove the others',
    ],
  ])('refuses %s', (yaml, path, message) => {
    expect(problemsOf(yaml)).toEqual([
      expect.objectContaining({
        path,
        message: typeof message === 'string' ? message : expect.stringMatching(message),
        line: 1,
      }),
    ]);
  });

  it('reports every mistake at once', () => {
    expect(
      problemsOf('worker: { streams: 0, quantumJobs: 0 }\nfoo: 1').map((problem) => problem.path),
    ).toEqual(['worker.streams', 'worker.quantumJobs', 'foo']);
  });

  it('tells the line of a YAML error and of a doubled key', () => {
    expect(problemsOf('a: 1\nb: [1\n')[0]).toMatchObject({ line: 3, source: 'file' });
    expect(problemsOf('worker: {}\nworker: {}')[0]).toMatchObject({ path: '', line: 2 });
  });

  it('refuses a list as a whole file, and aliases that contain themselves', () => {
    expect(problemsOf('- a')).toHaveLength(1);
    expect(problemsOf('a: &x [*x]')[0]?.message).toMatch(/^an alias/);
  });

  it('never repeats what may be a secret', () => {
    const problems = problemsOf('redis: { url: "http://user:hunter2@host" }', {
      MAILWHEEL__INGRESS__HTTP__TOKENS: '[{name: a, sha256: hunter2}]',
    });
    expect(problems).toHaveLength(2);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});

describe('who may come into the console', () => {
  const hash = `$scrypt$ln=15,r=8,p=3$${'A'.repeat(22)}$${'A'.repeat(43)}`;
  it.each([
    ['a proxy from nowhere', 'proxy: {}', 'console.proxy', 'trustedAddresses must name the proxy'],
    ['a user without a hash', 'users: [{ name: a }]', 'console.users[0]', 'exactly one of'],
    [
      'a user with two hashes',
      `users: [{ name: a, passwordHash: "${hash}", passwordHashFile: f }]`,
      'console.users[0]',
      'exactly one of',
    ],
    [
      'a password in place of its hash',
      'users: [{ name: a, passwordHash: geheim }]',
      'console.users[0].passwordHash',
      'not shown',
    ],
    [
      'a name that basic authentication cannot say',
      'users: [{ name: "a:b", passwordHashFile: f }]',
      'console.users[0].name',
      'without a colon',
    ],
  ])('%s is refused', (_what, yaml, path, sentence) => {
    const parsed = parseSettings({ yaml: `console: { ${yaml} }`, environment: {} });
    const problems = parsed.ok ? [] : parsed.problems;
    expect(problems).toEqual([
      expect.objectContaining({ path, message: expect.stringContaining(sentence) as unknown }),
    ]);
    expect(JSON.stringify(problems)).not.toContain('geheim');
  });
});
