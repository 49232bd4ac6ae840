/**
 * What is not allowed, each with its reason. The linter holds the code to its bans; here every ban must have a reason and
 * name something that exists, so that the list does not outlive what it was about.
 */
import { describe, expect, it } from 'vitest';
import { allSources, codeOf, files, productionSources, read, workspaces } from './tree.ts';

interface Override {
  readonly files: readonly string[];
  readonly rules: Readonly<Record<string, unknown>>;
}

const lint = JSON.parse(read('.oxlintrc.json')) as { readonly overrides: readonly Override[] };

/** Why ring 1 may not touch these: deciding takes values and returns values, so that a seed replays a run. */
const reasons: Readonly<Record<string, string>> = {
  setTimeout: 'deciding does not wait',
  setInterval: 'deciding does not wait',
  setImmediate: 'deciding does not wait',
  process: 'deciding knows no surroundings',
  Buffer: 'deciding takes text and numbers; moving bytes is the edges',
  console: 'deciding returns what it found, it does not tell',
  performance: 'the clock is an argument',
  crypto: 'randomness is an argument',
  fetch: 'deciding does no input or output',
  'Date.now': 'the clock is an argument',
  'Math.random': 'randomness is an argument',
  bullmq: 'belongs to packages/queue',
  ioredis: 'belongs to the edges',
  'nodemailer*': 'belongs to packages/delivery',
  'smtp-server': 'belongs to apps/ingress',
  'prom-client': 'belongs to packages/telemetry',
  pino: 'belongs to packages/telemetry',
  fastify: 'belongs to the apps',
  '@mailwheel/testkit': 'is for tests',
};

interface PropertyBan {
  readonly object: string;
  readonly property: string;
}

function options(rule: string): unknown[] {
  return lint.overrides.flatMap(({ rules }) => {
    const value = rules[rule];
    return Array.isArray(value) ? value.slice(1) : [];
  });
}

const bannedGlobals = options('no-restricted-globals') as string[];
const bannedProperties = options('no-restricted-properties') as PropertyBan[];
const bannedImports = (options('no-restricted-imports') as { patterns: string[] }[]).flatMap(
  ({ patterns }) => patterns,
);

describe('bans of the linter', () => {
  it('have a reason each, and no reason is left over', () => {
    const banned = [
      ...bannedGlobals,
      ...bannedProperties.map((ban) => `${ban.object}.${ban.property}`),
      ...bannedImports,
    ];
    expect([...new Set(banned)].toSorted()).toEqual(Object.keys(reasons).toSorted());
  });

  it('name globals and properties that exist', () => {
    const known = globalThis as unknown as Record<string, Record<string, unknown> | undefined>;
    for (const name of bannedGlobals) expect([name, known[name] === undefined]).toEqual([name, false]);
    for (const { object, property } of bannedProperties)
      expect(known[object]?.[property]).toBeTypeOf('function');
  });

  it('name libraries that somebody uses', () => {
    const used = new Set(
      workspaces.flatMap(({ dependencies, name }) => [...Object.keys(dependencies), name]),
    );
    for (const pattern of bannedImports) expect(used).toContain(pattern.replace(/\*$/, ''));
  });

  it('hold for folders that exist', () => {
    const folders = lint.overrides.flatMap((override) => override.files).flatMap(braces);
    for (const glob of folders.filter((pattern) => !pattern.startsWith('**'))) {
      const folder = glob.replace(/\*\*.*$/, '');
      expect([glob, files.some((path) => path.startsWith(folder))]).toEqual([glob, true]);
    }
  });
});

function braces(glob: string): string[] {
  const match = /^(.*)\{([^}]*)\}(.*)$/.exec(glob);
  return match === null ? [glob] : (match[2] ?? '').split(',').map((word) => `${match[1]}${word}${match[3]}`);
}

/** What the linter cannot see. */
const patterns: readonly {
  readonly what: string;
  readonly in: readonly string[];
  readonly pattern: RegExp;
  /** Comments are searched too. */
  readonly inComments?: true;
  readonly why: string;
}[] = [
  {
    what: 'new Date() without an argument in ring 1',
    in: productionSources.filter((path) =>
      /^packages\/(envelope|routing|verdict|pacing|settings)\//.test(path),
    ),
    pattern: /new Date\(\s*\)/,
    why: 'it reads the clock, which is an argument there; the linter only knows Date.now',
  },
  {
    what: 'mocks of modules',
    in: allSources.filter((path) => path.endsWith('.test.ts')),
    pattern: new RegExp(String.raw`\bvi\.(do)?` + 'mock\\('),
    why: 'tests use a scripted host, a real Redis and a passed clock; a mock tests its author',
  },
  {
    what: 'tests that are switched off or run alone',
    in: allSources.filter((path) => path.endsWith('.test.ts')),
    pattern: /\b(it|test|describe)\.(only|skip|todo)\b/,
    why: 'a green run must mean that everything ran; skipIf with a sentence is allowed',
  },
  {
    what: 'notes to do something later',
    in: allSources.filter((path) => !path.startsWith('test/structure/')),
    pattern: /\b(TODO|FIXME|XXX)\b/,
    inComments: true,
    why: 'what is missing is in the issue tracker or in the documentation, where its reader is',
  },
  {
    what: 'checks that are switched off without a reason',
    in: allSources.filter((path) => path.endsWith('.ts') && !path.startsWith('test/structure/')),
    pattern: /@ts-(ignore|nocheck)|oxlint-disable(?!-next-line \S+ -- \S)/,
    inComments: true,
    why: 'a check is switched off for one line, by name, with a reason, or not at all',
  },
];

describe('bans that only this test knows', () => {
  it.each(patterns)('$what: $why', ({ in: paths, pattern, inComments = false }) => {
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => pattern.test(inComments ? read(path) : codeOf(path)))).toEqual([]);
  });
});

/** Drawers: names under which anything fits, and so everything ends up. */
const drawers = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'lib',
  'misc',
  'shared',
  'interfaces',
  'manager',
];

describe('names of files and folders', () => {
  it('say what is in them', () => {
    const named = files.filter((path) => /^(packages|apps|test)\//.test(path));
    const parts = (path: string): string[] => path.replace(/\.[a-z.]+$/, '').split('/');
    expect(named.filter((path) => parts(path).some((part) => drawers.includes(part)))).toEqual([]);
  });
});
