/** The operations listener over a real socket. */
import { afterEach, describe, expect, it } from 'vitest';
import { createRegistry, startOperationsServer, type OperationsServer, type Readiness } from './index.ts';

let server: OperationsServer | undefined;
afterEach(() => server?.close());

async function start(readiness: Readiness): Promise<string> {
  server = await startOperationsServer({
    listen: { host: '127.0.0.1', port: 0 },
    registry: createRegistry({ processMetrics: false }),
    readiness: () => readiness,
    extra: {
      '/version': () => ({ contentType: 'text/plain', body: '0.1.0' }),
      '/broken': () => Promise.reject(new Error('10.0.0.1 is secret')),
    },
  });
  return `http://127.0.0.1:${server.address.port}`;
}

describe('the operations listener', () => {
  it('answers metrics, health and further pages', async () => {
    const url = await start({ ready: true, reasons: [] });
    const metrics = await fetch(`${url}/metrics?x=1`);
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(
      await Promise.all(
        ['/livez', '/readyz', '/version'].map(async (path) => (await fetch(url + path)).text()),
      ),
    ).toEqual(['ok\n', 'ready\n', '0.1.0']);
  });

  it('says 503 and why while not ready, and never an address', async () => {
    const url = await start({ ready: false, reasons: ['redis unavailable', 'cannot reach 10.0.0.1:6379'] });
    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toBe('not ready: redis unavailable; unspecified\n');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('refuses what it does not know, and keeps errors to itself', async () => {
    const url = await start({ ready: true, reasons: [] });
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
    const broken = await fetch(`${url}/broken`);
    expect([broken.status, await broken.text()]).toEqual([500, 'internal error\n']);
    const head = await fetch(`${url}/livez`, { method: 'HEAD' });
    expect([head.headers.get('content-length'), await head.text()]).toEqual(['3', '']);
  });

  it('tells who starts it that the port is taken', async () => {
    await start({ ready: true, reasons: [] });
    const listen = server?.address ?? { host: '127.0.0.1', port: 0 };
    await expect(
      startOperationsServer({
        listen,
        registry: createRegistry(),
        readiness: () => ({ ready: true, reasons: [] }),
      }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('closes although clients keep their connections', async () => {
    const url = await start({ ready: true, reasons: [] });
    await fetch(`${url}/livez`);
    await server?.close();
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });
});
