/** A certificate authority and certificates for tests, made by the `openssl` program in a temporary folder. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  readonly keyFile: string;
  readonly certFile: string;
}

export interface Certificates {
  readonly folder: string;
  /** The authority's certificate: `caFile` settings, `ca` options. */
  readonly caFile: string;
  readonly ca: string;
  /** For `127.0.0.1`, `localhost` and `scripted.example`. */
  readonly host: Certificate;
  /** A certificate of the authority for these names and addresses. `expired`: valid for a second, a day ago. */
  issue(names: readonly string[], options?: { readonly expired?: boolean }): Promise<Certificate>;
  /** Signed by itself. */
  selfSigned(names: readonly string[]): Promise<Certificate>;
  remove(): Promise<void>;
}

/** Needs `openssl` on the PATH. `remove` deletes the folder. */
export async function createCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'mailwheel-tls-'));
  // Words are separated by one space; no name in use here holds one.
  const openssl = (line: string): Promise<unknown> => run('openssl', line.split(' '), { cwd: folder });
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  await openssl(`req -x509 ${newKey} -keyout ca.key -out ca.pem -days 30 -subj /CN=mailwheel-test-authority`);
  let count = 0;
  const read = async (name: string): Promise<Certificate> => {
    const keyFile = join(folder, `${name}.key`);
    const certFile = join(folder, `${name}.pem`);
    const [key, cert] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certFile, 'utf8')]);
    return { key, cert, keyFile, certFile };
  };
  const issue: Certificates['issue'] = async (names, options = {}) => {
    const name = `host${(count += 1)}`;
    await writeFile(join(folder, `${name}.ext`), `subjectAltName=${alternativeNames(names)}\n`);
    await openssl(`req -new ${newKey} -keyout ${name}.key -out ${name}.csr -subj /CN=${names[0]}`);
    const signing = `-CA ca.pem -CAkey ca.key -set_serial ${1000 + count} -extfile ${name}.ext`;
    // A negative validity is the way to an expired certificate that every openssl knows.
    const days = options.expired === true ? -1 : 30;
    await openssl(`x509 -req -in ${name}.csr ${signing} -days ${days} -out ${name}.pem`);
    return read(name);
  };
  const selfSigned: Certificates['selfSigned'] = async (names) => {
    const name = `self${(count += 1)}`;
    const subject = `-subj /CN=${names[0]} -addext subjectAltName=${alternativeNames(names)}`;
    await openssl(`req -x509 ${newKey} -keyout ${name}.key -out ${name}.pem -days 30 ${subject}`);
    return read(name);
  };
  const caFile = join(folder, 'ca.pem');
  return {
    folder,
    caFile,
    ca: await readFile(caFile, 'utf8'),
    host: await issue(['scripted.example', 'localhost', '127.0.0.1']),
    issue,
    selfSigned,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function alternativeNames(names: readonly string[]): string {
  return names.map((name) => (isIP(name) > 0 ? `IP:${name}` : `DNS:${name}`)).join(',');
}
