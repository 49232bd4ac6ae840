/** The guard over real sockets, in front of one page and one act. */
import { request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cheapHash } from '../../fixture/cheap-hash.ts';
import { currentActor } from './actor.ts';
import type { AuditedAct } from './audit.ts';
import { readLogins } from './logins.ts';
import { registerGuard } from './register.ts';

const proxy = { trustedAddresses: ['127.0.0.2'], userHeader: 'x-forwarded-user', operators: ['ada'] };
let app: FastifyInstance;
let closed: FastifyInstance;
let nowMs = 0;
const audited: AuditedAct[] = [];
const acted: string[] = [];
const refused: [address: string, count: number][] = [];

beforeAll(async () => {
  const users = (['viewer', 'operator'] as const).map((role) => ({
    name: role,
    role,
    passwordHash: cheapHash(role),
  }));
  app = await open({ users, proxy });
  closed = await open({ users: [], proxy });
});
beforeEach(() => {
  for (const list of [audited, acted, refused]) list.length = 0;
});
afterAll(() => Promise.all([app.close(), closed.close()]));

async function open(settings: Parameters<typeof readLogins>[0]): Promise<FastifyInstance> {
  const server = fastify();
  registerGuard(server, {
    logins: await readLogins(settings, () => nowMs),
    loopback: true,
    onRefused: (address, count) => refused.push([address, count]),
    audit: (act) => audited.push(act),
  });
  server.get('/page', () => 'page');
  server.put('/act', async () => {
    // Behind an await, as everything that asks Redis is.
    await Promise.resolve();
    acted.push(`${currentActor().name} ${currentActor().role} ${currentActor().via}`);
    return 'done';
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  return server;
}

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly to?: FastifyInstance;
}

function ask({
  method = 'GET',
  path = '/page',
  from = '127.0.0.1',
  headers = {},
  to = app,
}: Ask): Promise<IncomingMessage> {
  const { port } = to.server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const origin = { origin: `http://127.0.0.1:${port}` };
    const asked = request(
      { host: '127.0.0.1', port, localAddress: from, method, path, headers: { ...origin, ...headers } },
      (answer) => {
        answer.resume();
        resolve(answer);
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

async function status(of: Ask): Promise<number> {
  return (await ask(of)).statusCode ?? 0;
}

function as(user: string, password = user): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

const act = { method: 'PUT', path: '/act' } as const;

describe('roles', () => {
  it('let a viewer read and not act, and the audit says who tried', async () => {
    expect(await status({ headers: as('viewer') })).toBe(200);
    expect(await status({ ...act, headers: as('viewer') })).toBe(403);
    expect(acted).toEqual([]);
    expect(audited).toEqual([
      { by: 'viewer', role: 'viewer', via: 'login', act: 'PUT', on: '/act', result: 'refused' },
    ]);
  });

  it('let an operator act, under the name that the audit will say', async () => {
    expect(await status({ ...act, headers: as('operator') })).toBe(200);
    expect(acted).toEqual(['operator operator login']);
  });

  it('hold for every method that changes something', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect([method, await status({ method, path: '/act', headers: as('viewer') })]).toEqual([method, 403]);
  });
});

describe('the header of a proxy', () => {
  const header = { 'x-forwarded-user': 'ada' };

  it('is believed from its address, for reading and for acting', async () => {
    expect(await status({ ...act, from: '127.0.0.2', headers: header })).toBe(200);
    expect(acted).toEqual(['ada operator proxy']);
    expect(await status({ ...act, from: '127.0.0.2', headers: { 'x-forwarded-user': 'bob' } })).toBe(403);
  });

  it('is nothing from any other', async () => {
    expect(await status({ headers: header })).toBe(401);
    expect(await status({ ...act, headers: header })).toBe(401);
    expect(await status({ ...act, headers: { ...header, ...as('viewer') } })).toBe(403);
    expect(await status({ headers: header, to: closed })).toBe(403);
    expect(acted).toEqual([]);
  });

  it('is nothing when it comes twice: one of them may be the client’s', async () => {
    expect(await status({ from: '127.0.0.2', headers: { 'x-forwarded-user': ['ada', 'ada'] } })).toBe(401);
  });

  it('leaves the password to those who come through the proxy without a name', async () => {
    expect(await status({ from: '127.0.0.2', headers: as('viewer') })).toBe(200);
    expect(await status({ from: '127.0.0.2' })).toBe(401);
    expect(await status({ from: '127.0.0.2', to: closed })).toBe(403);
  });

  it('does not make an act of another site ours', async () => {
    const headers = { ...header, origin: 'https://evil.test' };
    expect(await status({ ...act, from: '127.0.0.2', headers })).toBe(403);
    expect(acted).toEqual([]);
    expect(audited).toMatchObject([{ by: 'ada', via: 'proxy', result: 'refused' }]);
  });
});

describe('wrong logins', () => {
  it('are answered half a second later, also those that need no check', async () => {
    const startMs = performance.now();
    expect(await status({ headers: { authorization: 'Bearer guess' } })).toBe(401);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(450);
  });

  it('are counted, and after five of them not looked at for a while', async () => {
    const from = '127.0.0.9';
    const wrong = await Promise.all(
      Array.from({ length: 5 }, (_, at) => status({ from, headers: as('operator', String(at)) })),
    );
    expect(wrong).toEqual([401, 401, 401, 401, 401]);
    expect(refused.map(([address]) => address)).toEqual(Array(5).fill(from));
    expect(Math.max(...refused.map(([, count]) => count))).toBe(5);
    const slowed = await ask({ from, headers: as('operator', 'guess') });
    expect([slowed.statusCode, slowed.headers['retry-after']]).toEqual([429, '1']);
    nowMs += 1000;
    expect(await status({ from, headers: as('operator', 'guess') })).toBe(401);
    expect(await status({ headers: as('operator') })).toBe(200);
  });
});
