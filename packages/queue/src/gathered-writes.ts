/**
 * Commands of one turn of the event loop leave in one write. ioredis writes each command by itself: a system call for every
 * one, and Redis, which syncs its file once for everything it read in a turn, syncs more often. In their order, unlike
 * ioredis' auto-pipelining, whose pipeline a MULTI overtakes.
 *
 * Cost: a command waits until the sockets that are readable in this turn were served, which is less than the turn of Redis
 * that it saves. Measured: docs/performance.md.
 */
import type { Writable } from 'node:stream';
import type { Cluster, Redis } from 'ioredis';

/** For the life of the client, every connection that it makes included. */
export function gatherWrites(client: Redis | Cluster): void {
  if ('nodes' in client) {
    for (const node of client.nodes('all')) gatherWrites(node);
    client.on('+node', (node: Redis) => gatherWrites(node));
    return;
  }
  client.on('connect', () => gather(client.stream));
}

function gather(stream: Writable): void {
  const write = stream.write.bind(stream) as (...parameters: unknown[]) => boolean;
  let corked = false;
  const release = (): void => {
    corked = false;
    stream.uncork();
  };
  stream.write = (...parameters: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      stream.cork();
      setImmediate(release);
    }
    return write(...parameters);
  };
}
