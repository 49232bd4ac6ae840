/** The repository as its own tests see it: the files that are, or would be, committed. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';

export const root: string = new URL('../../', import.meta.url).pathname;

/** Folders that hold nothing of ours; for a tree without git (an unpacked archive). */
const foreign: ReadonlySet<string> = new Set(['node_modules', '.git', '.turbo', 'data', 'coverage']);

/** Paths from the root, `/` between folders, sorted. */
export const files: readonly string[] = listFiles().toSorted();

function listFiles(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed.split('\0').filter((path) => path !== '' && isFile(path));
  } catch {
    return walk('');
  }
}

function isFile(path: string): boolean {
  return statSync(root + path, { throwIfNoEntry: false })?.isFile() === true;
}

function walk(folder: string): string[] {
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    if (foreign.has(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(path) : [path];
  });
}

const texts = new Map<string, string>();

export function read(path: string): string {
  const known = texts.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(root + path, 'utf8');
  texts.set(path, text);
  return text;
}

/** TypeScript of packages and apps that runs in production. */
export const productionSources: readonly string[] = files.filter(
  (path) =>
    /^(packages|apps)\/[^/]+\/src\/.*\.ts$/.test(path) &&
    !path.endsWith('.test.ts') &&
    !path.startsWith('packages/testkit/'),
);

export const allSources: readonly string[] = files.filter((path) => /\.(ts|mjs)$/.test(path));
export const pages: readonly string[] = files.filter((path) => path.endsWith('.md'));

/** Source without comments, for rules about what code does. Strings that look like comments are rare enough. */
export function codeOf(path: string): string {
  return read(path)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

export interface Workspace {
  readonly folder: string;
  /** Last part of the folder: `queue`. */
  readonly short: string;
  readonly tags: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly private: boolean;
  readonly name: string;
}

export const workspaces: readonly Workspace[] = files
  .filter((path) => /^(packages\/[^/]+|apps\/[^/]+|test)\/package\.json$/.test(path))
  .map((path) => {
    const folder = path.slice(0, -'/package.json'.length);
    const described = JSON.parse(read(path)) as Partial<Workspace>;
    const boundaries = files.includes(`${folder}/turbo.json`)
      ? (JSON.parse(read(`${folder}/turbo.json`)) as { tags?: string[] })
      : {};
    return {
      folder,
      short: folder.slice(folder.lastIndexOf('/') + 1),
      tags: boundaries.tags ?? [],
      dependencies: described.dependencies ?? {},
      devDependencies: described.devDependencies ?? {},
      private: described.private ?? false,
      name: described.name ?? '',
    };
  });
