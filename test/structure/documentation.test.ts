/** What the documentation says must be so: generated pages are current, links lead somewhere, citations are listed. */
import { metricGroups, renderMetricsReference } from '@mailwheel/telemetry';
import { exampleYaml, parseSettings, renderReference, settingPaths } from '@mailwheel/settings';
import { describe, expect, it } from 'vitest';
import { codeOf, files, pages, productionSources, read, root } from './tree.ts';

describe('settings', () => {
  it('are documented as they are (write the page again: node test/structure/write-pages.ts)', () => {
    expect(read('docs/settings.md')).toBe(renderReference());
  });

  it('are all read by something', () => {
    const code = productionSources
      .filter((path) => !path.startsWith('packages/settings/'))
      .map(codeOf)
      .join('\n');
    const key = (path: string): string => path.slice(path.lastIndexOf('.') + 1);
    const named = settingPaths().filter((path) => key(path) !== '<name>');
    expect(named.filter((path) => !new RegExp(String.raw`\b${key(path)}\b`).test(code))).toEqual([]);
  });

  it('have an example that is exactly the defaults', () => {
    expect(parseSettings({ yaml: exampleYaml(), environment: {} })).toEqual(
      parseSettings({ environment: {} }),
    );
  });
});

describe('metrics', () => {
  const specs = metricGroups.flatMap((group) => Object.entries(group.specs));
  const names = new Set(specs.map(([, spec]) => spec.name));

  it('are documented as they are (write the page again: node test/structure/write-pages.ts)', () => {
    expect(read('docs/metrics.md')).toBe(renderMetricsReference());
  });

  it('are declared wherever a name of one is written', () => {
    const written = [
      ...productionSources,
      ...pages,
      ...files.filter((path) => path.startsWith('deploy/')),
    ].flatMap((path) =>
      [...read(path).matchAll(/\bmailwheel_[a-z_]+[a-z]\b/g)].map(([name]) => ({ path, name })),
    );
    const series = (name: string): string => name.replace(/_(bucket|count|sum)$/, '');
    expect(written.filter(({ name }) => !names.has(name) && !names.has(series(name)))).toEqual([]);
  });

  it('are all moved by an app', () => {
    const code = productionSources
      .filter((path) => path.startsWith('apps/'))
      .map(codeOf)
      .join('\n');
    expect(
      specs
        .map(([key]) => key)
        .filter(
          (key) => !new RegExp(String.raw`\b${key}\??\.(add|set|observe|replace|readFrom)\b`).test(code),
        ),
    ).toEqual([]);
  });
});

describe('pages', () => {
  it.each(pages)('%s has one title and no doubled word', (path) => {
    const text = withoutCode(read(path));
    expect(text.match(/^# .+$/gm) ?? []).toHaveLength(1);
    expect(text.match(/\b(the|a|an|of|to|is|and|in|that|it|for|with|on) \1\b/gi) ?? []).toEqual([]);
  });

  it.each(pages)('%s links to what exists', (path) => {
    expect(linksOf(path).filter((link) => !resolves(path, link))).toEqual([]);
  });
});

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '``');
}

function linksOf(path: string): string[] {
  const inline = [...withoutCode(read(path)).matchAll(/\]\(([^()\s]+)\)/g)].map(([, link]) => link ?? '');
  return inline.filter((link) => !/^(https?:|mailto:)/.test(link));
}

function resolves(from: string, link: string): boolean {
  const [target = '', anchor] = link.split('#');
  const url = new URL(target, `file:///${from}`).pathname.slice(1);
  const path = target === '' ? from : decodeURIComponent(url);
  const isFolder = files.some((file) => file.startsWith(`${path.replace(/\/$/, '')}/`));
  if (!files.includes(path)) return isFolder && anchor === undefined;
  return anchor === undefined || anchorsOf(path).includes(anchor);
}

/** Anchors as GitHub makes them from headings. */
function anchorsOf(path: string): string[] {
  const headings = [...read(path).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => heading ?? '');
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('RFCs', () => {
  const cited = /\bRFC[ -]?(\d{3,4})\b/g;
  const listed = (): Set<string> =>
    new Set([...read('docs/rfc.md').matchAll(cited)].map(([, number]) => number ?? ''));

  it('that code or pages cite stand in docs/rfc.md with our status', () => {
    const known = listed();
    const citing = [...productionSources, ...pages].flatMap((path) =>
      [...read(path).matchAll(cited)].map(([, number]) => ({ path, number: number ?? '' })),
    );
    expect(citing.filter(({ number }) => !known.has(number))).toEqual([]);
  });

  it('have one row each', () => {
    const rows = [...read('docs/rfc.md').matchAll(/^\| RFC (\d+) /gm)].map(([, number]) => number);
    expect(rows.length).toBeGreaterThan(10);
    expect(rows).toEqual([...new Set(rows)]);
    expect(new Set(rows)).toEqual(listed());
  });
});

describe('the glossary', () => {
  const terms = (): string[] =>
    [...read('docs/glossary.md').matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, term]) => term ?? '');

  it('has every word once, in alphabetical order', () => {
    const words = terms().map((term) => term.toLowerCase());
    expect(words.length).toBeGreaterThan(20);
    expect(words).toEqual([...new Set(words)].toSorted((a, b) => a.localeCompare(b, 'en')));
  });

  it('explains only words that are used', () => {
    const everything = [...productionSources, ...pages.filter((path) => path !== 'docs/glossary.md')]
      .map(read)
      .join('\n')
      .toLowerCase();
    const used = (term: string): boolean =>
      everything.includes(term.toLowerCase()) ||
      everything.includes(term.toLowerCase().replaceAll(/[ -]/g, ''));
    expect(terms().filter((term) => !used(term))).toEqual([]);
  });
});

describe('the changelog', () => {
  it('has a place for what is not released', () => {
    expect(read('CHANGELOG.md')).toMatch(/^## \[?Unreleased\]?/m);
  });
});

describe('the tree', () => {
  it('is read from the root of the repository', () => {
    expect(files).toContain('package.json');
    expect(root.endsWith('/')).toBe(true);
  });
});
