/**
 * Who may import whom. The table is the architecture: a new package, or a new arrow between packages, is a change of this
 * file, with its reason. `turbo boundaries` then holds the code to what package.json declares.
 */
import { describe, expect, it } from 'vitest';
import { codeOf, files, productionSources, read, workspaces } from './tree.ts';

/** Tag of every package, and so its ring. */
const rings: Readonly<Record<string, readonly string[]>> = {
  pure: ['envelope', 'routing', 'verdict', 'pacing', 'settings'],
  edge: [
    'queue',
    'spool',
    'accept',
    'rotation',
    'delivery',
    'resolver',
    'bounce',
    'telemetry',
    'lifecycle',
    'embedded',
    'login',
  ],
  assembly: ['assembly'],
  app: ['ingress', 'worker', 'console', 'cli'],
  kit: ['testkit'],
  test: ['test'],
};

/** What a ring may depend on among ours. */
const mayUse: Readonly<Record<string, readonly string[]>> = {
  pure: ['pure'],
  edge: ['pure'],
  assembly: ['pure', 'edge'],
  app: ['pure', 'edge', 'assembly'],
  kit: ['pure', 'edge'],
  test: ['pure', 'edge', 'assembly', 'app', 'kit'],
};

/** Every library has its packages; everybody else goes through them. */
const libraries: readonly { readonly name: string; readonly of: readonly string[]; readonly why: string }[] =
  [
    {
      name: 'bullmq',
      of: ['queue'],
      why: 'its defaults lose or repeat mail; what was learned about them lives in one place',
    },
    {
      name: 'ioredis',
      of: ['queue', 'spool', 'accept', 'rotation', 'embedded', 'testkit'],
      why: 'queue connects; the others run their own scripts on a client they are given',
    },
    {
      name: 'nodemailer',
      of: ['delivery', 'ingress'],
      why: 'delivery speaks SMTP with it, ingress composes JSON submissions',
    },
    { name: 'smtp-server', of: ['ingress'], why: 'its limits and its auth must be set in one place' },
    { name: 'fastify', of: ['ingress', 'console'], why: 'only these two answer HTTP to people' },
    {
      name: '@bull-board/api',
      of: ['console'],
      why: 'the dashboard is not a back door: all of its acts pass one filter',
    },
    { name: '@bull-board/fastify', of: ['console'], why: 'as @bull-board/api' },
    { name: 'prom-client', of: ['telemetry'], why: 'label values must pass the bounds' },
    { name: 'pino', of: ['telemetry'], why: 'text from peers must pass the escaping' },
    {
      name: 'zod',
      of: ['settings', 'ingress'],
      why: 'untrusted structure is checked where it enters, and nowhere else',
    },
    { name: 'yaml', of: ['settings', 'test'], why: 'there is one file in YAML' },
    { name: 'dns-packet', of: ['testkit', 'test'], why: 'only the DNS server of tests encodes DNS' },
    { name: '@types/dns-packet', of: ['testkit', 'test'], why: 'as dns-packet' },
    { name: 'playwright-core', of: ['test'], why: 'only a scenario looks at the console' },
  ];

function ringOf(short: string): string | undefined {
  return Object.keys(rings).find((ring) => rings[ring]?.includes(short));
}

const ours = '@mailwheel/';

describe('rings', () => {
  it('hold every package, and every package of the table exists', () => {
    expect(workspaces.map(({ short }) => short).toSorted()).toEqual(Object.values(rings).flat().toSorted());
  });

  it.each(workspaces)('$folder has exactly the tag of its ring', ({ short, tags }) => {
    expect(tags).toEqual([ringOf(short)]);
  });

  it.each(workspaces)('$folder depends only on what its ring may use', ({ short, dependencies }) => {
    const allowed = mayUse[ringOf(short) ?? ''] ?? [];
    const used = Object.keys(dependencies).filter((name) => name.startsWith(ours));
    for (const name of used)
      expect([name, ringOf(name.slice(ours.length))]).toEqual([name, expect.toBeOneOf([...allowed])]);
  });

  it.each(workspaces)('$folder uses only libraries that are its own', ({ short, dependencies }) => {
    for (const name of Object.keys(dependencies).filter((library) => !library.startsWith(ours))) {
      const rule = libraries.find((library) => library.name === name);
      if (name === 'fast-check' && short === 'test') continue;
      expect([name, rule?.of ?? 'nobody: add a row with its reason']).toEqual([
        name,
        expect.arrayContaining([short]),
      ]);
    }
  });

  it.each(libraries)('the rule for $name still names something real', ({ name, of, why }) => {
    const users = workspaces.filter(({ dependencies }) => name in dependencies).map(({ short }) => short);
    expect(users).not.toEqual([]);
    expect(of.filter((short) => ringOf(short) === undefined)).toEqual([]);
    expect(why.length).toBeGreaterThan(10);
  });

  it('keep the test kit out of production, the demonstration excepted', () => {
    const importers = productionSources.filter((path) => /from '@mailwheel\/testkit'/.test(codeOf(path)));
    expect(importers.filter((path) => !path.startsWith('apps/cli/src/demo'))).toEqual([]);
  });
});

describe('packages', () => {
  it.each(workspaces)(
    '$folder is private, ours by name, with exact versions',
    ({ short, name, dependencies, devDependencies, ...rest }) => {
      expect(rest.private).toBe(true);
      expect(name).toBe(`${ours}${short}`);
      for (const version of Object.values({ ...dependencies, ...devDependencies }))
        expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    },
  );

  it.each(workspaces.filter(({ folder }) => folder.startsWith('packages/')))(
    '$folder opens with what it is for, and exports a list',
    ({ folder }) => {
      const index = read(`${folder}/src/index.ts`);
      // The paragraph stands in the entry file, or over the types that are the contract of the package.
      const types = `${folder}/src/types.ts`;
      expect([index, files.includes(types) ? read(types) : '']).toContainEqual(
        expect.stringMatching(/^\/\*\*/),
      );
      expect(index).not.toMatch(/export \* from/);
      expect(index).toMatch(/export (type )?[{*]/);
    },
  );
});
