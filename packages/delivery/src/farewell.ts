/** QUIT: the end of a connection that is in order. What the host answers does not matter; how long it takes does. */
import type { HostConnection } from './connection.ts';
import { quitMsMax } from './options.ts';

/** Says QUIT and closes after the answer, at the latest after five seconds. */
export function sayFarewell(connection: HostConnection, nowMs: number): void {
  const close = (): void => connection.destroy();
  connection.use({ reply: close, lost: close, outOfStep: close, expired: close });
  connection.waitUntil(nowMs + quitMsMax);
  connection.send('QUIT\r\n');
}
