/**
 * A destination host that keeps every octet that came over the wire, for the question what a next server that is lax about
 * line ends could make of it. Strict itself: only CR LF . CR LF ends data.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

const terminator = Buffer.from('\r\n.\r\n');

/** What ends data for one server or another: any line end, a dot, any line end; NULs are dropped by some on the way. */
// oxlint-disable-next-line no-control-regex -- exactly these are looked for
const laxEnd = /(?:^|[\r\n])\0*\.\0*[\r\n]/g;

export class WireHost {
  /** Octets between 354 and the end of each message, the terminator included. */
  readonly data: Buffer[] = [];
  /** Command lines of all connections. */
  readonly commands: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<WireHost> {
    const server = createServer();
    const host = new WireHost(server);
    server.on('connection', (socket) => host.#serve(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return host;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  }

  /** Places in a message's octets where a lax server would end it, the true end not counted. */
  static laxEnds(data: Buffer): number {
    return (data.toString('latin1').match(laxEnd)?.length ?? 0) - 1;
  }

  forget(): void {
    this.data.length = 0;
    this.commands.length = 0;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.write('220 wire.example ESMTP\r\n');
    let input: Buffer = Buffer.alloc(0);
    let inData = false;
    socket.on('data', (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      for (;;) {
        const end = inData ? endOfData(input) : input.indexOf('\r\n') + 2;
        if (end < 2) return;
        const taken = input.subarray(0, end);
        input = input.subarray(end);
        if (inData) {
          this.data.push(Buffer.from(taken));
          inData = false;
          socket.write('250 2.0.0 Ok\r\n');
        } else inData = this.#command(socket, taken.toString('latin1').trimEnd());
      }
    });
  }

  /** True: data follows. */
  #command(socket: Socket, line: string): boolean {
    this.commands.push(line);
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO') socket.write('250-wire.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n');
    else if (verb === 'DATA') socket.write('354 go on\r\n');
    else socket.write('250 2.0.0 Ok\r\n');
    return verb === 'DATA';
  }
}

/** Length up to and with the terminator; 0: it has not come. At the very beginning it has no line before it. */
function endOfData(input: Buffer): number {
  if (input.subarray(0, 3).equals(terminator.subarray(2))) return 3;
  const found = input.indexOf(terminator);
  return found < 0 ? 0 : found + terminator.length;
}
