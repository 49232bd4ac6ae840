/**
 * The header of the PROXY protocol, version 1 (a line) and 2 (binary), as a function of the bytes that have come so far. It
 * is read only from the addresses of `ingress.smtp.proxyFrom`, and read strictly: whoever can put bytes before it, or make
 * two readers disagree about it, chooses who he is.
 */
import { isIPv4, isIPv6 } from 'node:net';

export type ProxyHeader =
  /** Not all of it is there. */
  | { readonly kind: 'partial' }
  | { readonly kind: 'bad' }
  /** `address` absent: the proxy speaks for itself (health check), or does not know for whom. `bytes`: length of the header. */
  | { readonly kind: 'header'; readonly bytes: number; readonly address?: string; readonly port?: number };

/** Version 1: the longest line, its CRLF included. */
const lineBytesMax = 107;
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const fixedBytes = 16;
/** Version 2: addresses and extensions; HAProxy's own limit is far below. */
const blockBytesMax = 2048;
const commands = { local: 0x20, proxy: 0x21 } as const;
const tcp4 = { family: 0x11, blockBytes: 12 } as const;
const tcp6 = { family: 0x21, blockBytes: 36 } as const;

/** Reads the header at the beginning of a connection. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const compared = Math.min(bytes.length, signature.length);
  if (bytes.length > 0 && bytes.compare(signature, 0, compared, 0, compared) === 0) return readBinary(bytes);
  return readLine(bytes);
}

function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n');
  const seen = bytes.toString('latin1', 0, Math.min(6, bytes.length));
  if (!'PROXY '.startsWith(seen)) return { kind: 'bad' };
  if (end < 0) return { kind: bytes.length < lineBytesMax ? 'partial' : 'bad' };
  if (end + 2 > lineBytesMax) return { kind: 'bad' };
  const line = bytes.toString('latin1', 0, end);
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: 'header', bytes: end + 2 };
  const [, family, address = '', target = '', port = '', targetPort = ''] =
    /^PROXY (TCP4|TCP6) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line) ?? [];
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6;
  const isGood =
    family !== undefined &&
    isAddress(address) &&
    isAddress(target) &&
    Number(port) <= 65_535 &&
    Number(targetPort) <= 65_535;
  return isGood ? { kind: 'header', bytes: end + 2, address, port: Number(port) } : { kind: 'bad' };
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < fixedBytes) return { kind: 'partial' };
  const command = bytes[12];
  const family = bytes[13];
  const blockBytes = bytes.readUInt16BE(14);
  if ((command !== commands.local && command !== commands.proxy) || blockBytes > blockBytesMax) {
    return { kind: 'bad' };
  }
  const length = fixedBytes + blockBytes;
  if (bytes.length < length) return { kind: 'partial' };
  const ofProxy = { kind: 'header', bytes: length } as const;
  if (command === commands.local) return ofProxy;
  if (family === tcp4.family && blockBytes >= tcp4.blockBytes) {
    return { ...ofProxy, address: bytes.subarray(16, 20).join('.'), port: bytes.readUInt16BE(24) };
  }
  if (family === tcp6.family && blockBytes >= tcp6.blockBytes) {
    const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(16 + 2 * index).toString(16));
    return { ...ofProxy, address: groups.join(':'), port: bytes.readUInt16BE(48) };
  }
  return family === 0 ? ofProxy : { kind: 'bad' };
}
