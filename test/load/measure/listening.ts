/** Whether somebody listens on a loopback port, without connecting: a connection would count as a session. */
import { readFileSync } from 'node:fs';

export function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  // State 0A is LISTEN: proc_net_tcp(5).
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((path) =>
    new RegExp(`:${hex} 0+:0000 0A`).test(readFileSync(path, 'utf8')),
  );
}
