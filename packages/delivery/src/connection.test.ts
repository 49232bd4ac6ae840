import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { hostOf } from '../test/bench.ts';
import { HostConnection } from './connection.ts';
import { noExtensions } from './extensions.ts';
import { startSmtpHost } from '@mailwheel/testkit';
import { Watchdog } from './watchdog.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A socket that counts how often it hands something to the kernel. */
class CountingSocket extends Socket {
  writes = 0;
  override _writev(...words: Parameters<NonNullable<Socket['_writev']>>): void {
    this.writes += 1;
    super._writev!(...words);
  }
  override _write(...words: Parameters<Socket['_write']>): void {
    this.writes += 1;
    super._write(...words);
  }
}

test('what is sent together leaves in one write, uncopied', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const arrived = once(server, 'connection') as Promise<[Socket]>;
  const socket = new CountingSocket();
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const [peer] = await arrived;
  const host = { key: '', label: '', address: '', port, policy: { tls: 'none' } } as const;
  const facts = {
    host,
    connectionId: 'x',
    number: 1,
    localAddress: '',
    extensions: noExtensions,
    tls: undefined,
  };
  const connection = new HostConnection(socket, facts, new Watchdog(() => 0, 1000));
  ends.push(() => {
    connection.destroy();
    server.close();
  });
  connection.sendTogether(Buffer.from('body\r\n'), Buffer.from('.\r\n'));
  const [chunk] = (await once(peer, 'data')) as [Buffer];
  expect(chunk.toString()).toBe('body\r\n.\r\n');
  expect(socket.writes).toBe(1);
});

test('after its end it tells nobody anything and takes nothing', async () => {
  const host = await startSmtpHost();
  const socket = connect(host.port, '127.0.0.1');
  await once(socket, 'connect');
  const facts = {
    host: hostOf(host),
    connectionId: 'x',
    number: 1,
    localAddress: '',
    extensions: noExtensions,
    tls: undefined,
  };
  const connection = new HostConnection(socket, facts, new Watchdog(() => 0, 1000));
  const told: string[] = [];
  connection.use({
    reply: (text) => told.push(text),
    lost: (detail) => told.push(detail),
    outOfStep: (detail) => told.push(detail),
    expired: () => told.push('expired'),
  });
  connection.destroy();
  connection.send('NOOP\r\n');
  connection.sendBlock(Buffer.from('x'), () => told.push('taken'));
  connection.lose('again');
  connection.breakOff('again');
  connection.expire();
  await once(socket, 'close');
  expect(told).toEqual([]);
  expect(connection.usable).toBe(false);
  await host.stop();
});
