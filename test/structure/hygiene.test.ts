/** Nothing of the machine on which something was made is in what was made. */
import { describe, expect, it } from 'vitest';
import { files, read } from './tree.ts';

/** Bytes that are no text. */
const binary = /\.(png|jpg|ico|gz|eml)$/;
/** This file names what it looks for. */
const self = 'test/structure/hygiene.test.ts';
const texts = files.filter((path) => !binary.test(path) && path !== self);

function holding(pattern: RegExp, paths: readonly string[] = texts): string[] {
  return paths.flatMap((path) => {
    const found = pattern.exec(read(path));
    return found === null ? [] : [`${path}: ${found[0]}`];
  });
}

describe('committed files', () => {
  it('name no package registry: which one is used is a matter of the machine', () => {
    expect(holding(/\bregistry\.[a-z0-9-]+(\.[a-z]+)+|_authToken/i)).toEqual([]);
  });

  it('name no home or working folder of a machine', () => {
    // The root of the image that is built there, which is the same everywhere.
    const ofMachines = texts.filter((path) => !path.startsWith('deploy/verify/container/'));
    expect(holding(/(?<![\w.$}])\/(?:root|work|home\/[a-z]+|Users\/\w+)\/[\w.-]/, ofMachines)).toEqual([]);
  });

  it('hold no private keys or tokens', () => {
    expect(
      holding(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]|\bgh[pousr]_[A-Za-z0-9]{30}|\bnpm_[A-Za-z0-9]{30}/),
    ).toEqual([]);
  });

  it('end in one line end and have Unix line ends', () => {
    const mail = /^test\/.*\.txt$/;
    expect(
      texts.filter((path) => !mail.test(path) && read(path) !== '' && !/[^\n]\n$|^\n$/.test(read(path))),
    ).toEqual([]);
    expect(holding(/\r\n/)).toEqual([]);
  });
});

describe('the lockfile', () => {
  it('does not say where packages came from', () => {
    expect(read('package-lock.json')).not.toContain('"resolved": "http');
  });

  it('has a checksum for every package from outside', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      readonly packages: Readonly<
        Record<string, { readonly link?: boolean; readonly integrity?: string; readonly inBundle?: boolean }>
      >;
    };
    const outside = Object.entries(packages).filter(
      ([path, { link }]) => path.includes('node_modules/') && link !== true,
    );
    expect(outside.length).toBeGreaterThan(100);
    expect(
      outside
        .filter(([, { integrity, inBundle }]) => integrity === undefined && inBundle !== true)
        .map(([path]) => path),
    ).toEqual([]);
  });
});
