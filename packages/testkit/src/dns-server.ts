/**
 * A scripted DNS server on loopback, UDP and TCP on one port, that answers like a recursive resolver: from a zone object
 * which the test changes as it goes. CNAMEs are followed inside the zone, answers that do not fit a datagram are truncated
 * so that the client comes back by TCP. Every question is written down.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import dnsPacket, { type Answer, type DecodedPacket, type Packet } from 'dns-packet';

/** What one record type of a name answers. `DROP`: nothing, so that the client times out. */
export type DnsAnswer<T> = readonly T[] | 'SERVFAIL' | 'REFUSED' | 'DROP';

/** A name that is not in the zone is NXDOMAIN; a type that its entry lacks is NODATA (NOERROR, no records). */
export interface DnsRecords {
  readonly A?: DnsAnswer<string>;
  readonly AAAA?: DnsAnswer<string>;
  /** `[preference, exchange]`; the exchange `.` is the null MX. */
  readonly MX?: DnsAnswer<readonly [preference: number, exchange: string]>;
  readonly CNAME?: string;
  /** Of every record of this name; default 300. */
  readonly ttlSeconds?: number;
}

export type DnsZone = Record<string, DnsRecords | 'NXDOMAIN' | 'SERVFAIL' | 'REFUSED' | 'DROP'>;

export interface DnsQuery {
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
}

export interface TestDnsServer {
  /** `127.0.0.1:<port>`, as `dns.servers` takes it. */
  readonly address: string;
  /** Names in lower case without trailing dot. Change it at any time. */
  readonly zone: DnsZone;
  readonly queries: readonly DnsQuery[];
  forgetQueries(): void;
  stop(): Promise<void>;
}

const truncatedFlag = 0x0200;
const responseFlags = dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE;
const responseCodes = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
const cnamesMax = 8;
const datagramBytesDefault = 512;

type Outcome = { readonly code: keyof typeof responseCodes; readonly answers: Answer[] } | 'DROP';

/** Starts the server with a zone (empty: everything is NXDOMAIN). */
export async function startDnsServer(zone: DnsZone = {}): Promise<TestDnsServer> {
  const queries: DnsQuery[] = [];
  const connections = new Set<Socket>();
  const reply = (message: Buffer, transport: DnsQuery['transport']): Buffer | undefined => {
    const query = decode(message);
    const question = query?.questions?.[0];
    if (query === undefined || question === undefined) return undefined;
    const name = question.name.toLowerCase();
    queries.push({ name, type: question.type, transport });
    const outcome = resolve(zone, name, question.type);
    return outcome === 'DROP' ? undefined : encode(query, outcome, transport);
  };
  const tcp = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    serveStream(socket, (message) => reply(message, 'tcp'));
  });
  const { udp, port } = await bindBoth(tcp);
  udp.on('message', (message: Buffer, client: RemoteInfo) => {
    const answer = reply(message, 'udp');
    if (answer !== undefined) udp.send(answer, client.port, client.address);
  });
  return {
    address: `127.0.0.1:${port}`,
    zone,
    queries,
    forgetQueries: () => void queries.splice(0),
    stop: async () => {
      for (const socket of connections) socket.destroy();
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
}

/** A TCP port whose UDP twin is free as well; another process may hold the twin, so it tries a few. */
async function bindBoth(tcp: Server): Promise<{ udp: UdpSocket; port: number }> {
  for (let attempt = 1; ; attempt++) {
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const address = tcp.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const udp = createSocket('udp4');
    try {
      udp.bind(address.port, '127.0.0.1');
      await once(udp, 'listening');
      return { udp, port: address.port };
    } catch (error) {
      udp.close();
      tcp.close();
      await once(tcp, 'close');
      if (attempt === 10) throw error;
    }
  }
}

/** Messages on TCP carry their length in two octets before them (RFC 1035 section 4.2.2). */
function serveStream(socket: Socket, reply: (message: Buffer) => Buffer | undefined): void {
  let held = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      const message = held.subarray(2, 2 + held.readUInt16BE(0));
      held = held.subarray(2 + message.length);
      const answer = reply(message);
      if (answer === undefined) continue;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    }
  });
}

/** A question we cannot read is dropped: the test sees a time-out. */
function decode(message: Buffer): DecodedPacket | undefined {
  try {
    return dnsPacket.decode(message);
  } catch {
    return undefined;
  }
}

function resolve(zone: DnsZone, asked: string, type: string): Outcome {
  const answers: Answer[] = [];
  let name = asked;
  for (let step = 0; step < cnamesMax; step++) {
    const entry = zone[name] ?? 'NXDOMAIN';
    if (entry === 'DROP') return 'DROP';
    if (typeof entry === 'string') return { code: entry, answers };
    const ttl = entry.ttlSeconds ?? 300;
    if (entry.CNAME !== undefined) {
      answers.push({ type: 'CNAME', name, ttl, data: entry.CNAME });
      name = entry.CNAME.toLowerCase();
      continue;
    }
    const records = type === 'A' || type === 'AAAA' || type === 'MX' ? (entry[type] ?? []) : [];
    if (records === 'DROP') return 'DROP';
    if (typeof records === 'string') return { code: records, answers };
    for (const record of records) answers.push(answerOf(name, type, ttl, record));
    return { code: 'NOERROR', answers };
  }
  // A loop: what a recursive resolver says after it has given up.
  return { code: 'SERVFAIL', answers: [] };
}

function answerOf(
  name: string,
  type: string,
  ttl: number,
  record: string | readonly [number, string],
): Answer {
  if (typeof record === 'string') return { type: type === 'A' ? 'A' : 'AAAA', name, ttl, data: record };
  return { type: 'MX', name, ttl, data: { preference: record[0], exchange: record[1] } };
}

function encode(
  query: DecodedPacket,
  outcome: Exclude<Outcome, 'DROP'>,
  transport: DnsQuery['transport'],
): Buffer {
  const packet: Packet = {
    type: 'response',
    id: query.id ?? 0,
    flags: responseFlags | responseCodes[outcome.code],
    questions: query.questions ?? [],
    answers: outcome.answers,
  };
  const whole = dnsPacket.encode(packet);
  if (transport === 'tcp') return whole;
  const edns = query.additionals?.find((record) => record.type === 'OPT');
  const datagramBytesMax = edns === undefined ? datagramBytesDefault : edns.udpPayloadSize;
  if (whole.length <= datagramBytesMax) return whole;
  return dnsPacket.encode({ ...packet, flags: (packet.flags ?? 0) | truncatedFlag, answers: [] });
}
