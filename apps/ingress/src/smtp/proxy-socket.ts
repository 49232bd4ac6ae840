/** Takes the PROXY header off a new connection, before anything else sees its bytes. */
import type { Socket } from 'node:net';
import { readProxyHeader, type ProxyHeader } from './proxy-header.ts';

/** A proxy sends its header with the first segment; who does not is none. */
const headerMs = 5000;

export type ReadHeader = Extract<ProxyHeader, { readonly kind: 'header' }>;

/**
 * Calls back once, with the header, or with `undefined` when there is none that can be used: then the socket is closed. What
 * came behind the header is left in the socket.
 */
export function takeProxyHeader(socket: Socket, callback: (header: ReadHeader | undefined) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => finish(undefined), headerMs);
  const fail = (): void => finish(undefined);
  const finish = (header: ReadHeader | undefined): void => {
    clearTimeout(timer);
    socket.off('readable', read).off('end', fail).off('close', fail);
    if (header === undefined) {
      socket.on('error', () => undefined);
      socket.destroy();
    } else {
      const rest = bytes.subarray(header.bytes);
      if (rest.length > 0) socket.unshift(rest);
    }
    socket.off('error', fail);
    callback(header);
  };
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      bytes = Buffer.concat([bytes, chunk]);
    }
    const header = readProxyHeader(bytes);
    if (header.kind === 'header') finish(header);
    else if (header.kind === 'bad') finish(undefined);
  };
  socket.on('readable', read).on('end', fail).on('close', fail).on('error', fail);
}
