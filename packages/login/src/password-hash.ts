/** scrypt hashes of passwords (RFC 7914) in the PHC string form: `$scrypt$ln=15,r=8,p=3$<salt>$<key>`, base64 without padding. */
import { randomBytes, scrypt } from 'node:crypto';

export interface PasswordHash {
  /** Binary logarithm of the cost N. */
  readonly costLog2: number;
  readonly blockSize: number;
  readonly parallel: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** 32 MiB and about a tenth of a second for each guess: one of the settings that OWASP holds to be equally strong. */
const cost = { costLog2: 15, blockSize: 8, parallel: 3 } as const;
const saltBytes = 16;
const keyBytes = 32;

/** A hash from a settings file must not make the process allocate what it likes. */
const memoryBytesMax = 268_435_456;
const parallelMax = 16;
const form =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** A hash of `password` with a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const hash = { ...cost, salt: randomBytes(saltBytes), key: Buffer.alloc(keyBytes) };
  const key = await derive(hash, password);
  const { costLog2, blockSize, parallel, salt } = hash;
  return `$scrypt$ln=${costLog2},r=${blockSize},p=${parallel}$${unpadded(salt)}$${unpadded(key)}`;
}

/** Undefined: the text is no such hash, or one that would take more memory than we give (256 MiB). */
export function readPasswordHash(text: string): PasswordHash | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, ln, r, p, salt = '', key = ''] = match;
  const hash = {
    costLog2: Number(ln),
    blockSize: Number(r),
    parallel: Number(p),
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  };
  const sensible = hash.costLog2 >= 10 && hash.blockSize >= 1 && hash.parallel >= 1;
  return sensible && hash.parallel <= parallelMax && memoryBytes(hash) <= memoryBytesMax ? hash : undefined;
}

/** The key that `password` gives with the salt and the cost of `hash`, as long as the key of `hash`. */
export function derive(hash: PasswordHash, password: string): Promise<Buffer> {
  const { costLog2, blockSize, parallel, salt, key } = hash;
  const options = {
    N: 2 ** costLog2,
    r: blockSize,
    p: parallel,
    // Node counts a little more than N and r say; its own default would refuse our cost.
    maxmem: 2 * memoryBytes(hash) + 1_048_576,
  };
  return new Promise((resolve, reject) => {
    // Composed: the same password typed on two keyboards may come as different bytes.
    scrypt(password.normalize('NFC'), salt, key.length, options, (error, derived) =>
      error === null ? resolve(derived) : reject(error),
    );
  });
}

function memoryBytes({ costLog2, blockSize }: PasswordHash): number {
  return 128 * 2 ** costLog2 * blockSize;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
