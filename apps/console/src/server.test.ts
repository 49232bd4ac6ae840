/** The console over its real listener. Buttons of the dashboard: test/scenario/17-console.test.ts. */
import { createHash } from 'node:crypto';
import { waitFor } from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cheapHash } from '../fixture/cheap-hash.ts';
import {
  accept,
  defer,
  fail,
  secretBody,
  settingsFor,
  startConsole,
  type ConsoleFixture,
} from '../fixture/console.ts';
import { run } from './main.ts';

const password = 'secret';
const passwordSha256 = createHash('sha256').update(password).digest('hex');
const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
let fixture: ConsoleFixture;

beforeAll(async () => {
  const users = [{ name: 'eva', passwordHash: cheapHash('looks') }];
  fixture = await startConsole({ login: { user: 'admin', passwordSha256 }, users, boardQueuesMax: 3 });
});
beforeEach(() => fixture.redis.client().flushdb());
afterAll(() => fixture.stop());

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(fixture.url + path, { headers: { authorization, ...headers }, redirect: 'manual' });
}

describe('the login', () => {
  it.each([
    '/',
    '/api/overview',
    '/messages/x',
    '/board/',
    '/board/api/queues',
    '/board/static/favicon.ico',
    '/assets/console.css',
    '/nothing',
  ])('is asked for at %s', async (path) => {
    const answer = await fetch(fixture.url + path);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="Mailwheel", charset="UTF-8"',
    ]);
    expect((await get(path)).status).not.toBe(401);
  });

  it('is refused a moment later when it is wrong', async () => {
    const answer = await get('/', {
      authorization: `Basic ${Buffer.from('admin:guess').toString('base64')}`,
    });
    expect(answer.status).toBe(401);
  });

  it('is not needed for metrics and health, which carry no address', async () => {
    await accept(fixture.store, 'somebody@secret-domain.example');
    const metrics = await (await fetch(`${fixture.url}/metrics`)).text();
    expect(metrics).toMatch(/^mailwheel_redis_up 1$/m);
    expect(metrics).not.toMatch(/secret-domain|127\.0\.0\.1/);
    expect(await (await fetch(`${fixture.url}/livez`)).text()).toBe('ok\n');
    expect(await (await fetch(`${fixture.url}/readyz`)).text()).toBe('ready\n');
  });
});

describe('what a browser may do with a page', () => {
  it('is nothing inline on our own, and nothing from elsewhere on any', async () => {
    const own = await get('/');
    expect(directives(own)).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': "'self'",
      'connect-src': "'self'",
      'base-uri': "'self'",
      'form-action': "'self'",
      'frame-ancestors': "'none'",
      'object-src': "'none'",
    });
    expect(Object.fromEntries(own.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    const page = await own.text();
    expect(page).not.toMatch(/<script(?![^>]* src="\/)|style="|\son\w+="/);
    const board = await get('/board/');
    expect(directives(board)).toEqual({
      ...directives(own),
      'style-src': "'self' 'unsafe-inline'",
      'img-src': "'self' data:",
      'font-src': "'self'",
    });
    expect(await board.text()).not.toMatch(/(?:href|src)="(?:https?:)?\/\//);
  });

  it('does not include a change that another site asked for', async () => {
    await accept(fixture.store, 'somebody@a.example');
    const pause = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${fixture.url}/board/api/queues/a.example/pause`, {
        method: 'PUT',
        headers: { authorization, ...headers },
      });
    expect((await pause({ origin: 'https://evil.test' })).status).toBe(403);
    expect((await pause({})).status).toBe(403);
    expect(await fixture.store.queues.states(['a.example' as never])).toMatchObject([{ paused: false }]);
    expect((await pause({ origin: fixture.url })).status).toBe(200);
    expect(await fixture.store.queues.states(['a.example' as never])).toMatchObject([{ paused: true }]);
  });
});

function directives(answer: Response): Record<string, string> {
  const policy = answer.headers.get('content-security-policy') ?? '';
  return Object.fromEntries(policy.split('; ').map((part) => part.split(/ (.*)/) as [string, string]));
}

describe('who may do what', () => {
  const viewer = { authorization: `Basic ${Buffer.from('eva:looks').toString('base64')}` };
  const press = (path: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${fixture.url}/board/api/queues/${path}`, {
      method: 'PUT',
      headers: { origin: fixture.url, ...headers },
    });
  const audit = (): Record<string, unknown>[] =>
    fixture.log
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line['event'] === 'operator-act')
      .map(({ by, role, via, act, on, result }) => ({ by, role, via, act, on, result }));
  const admin = { by: 'admin', role: 'operator', via: 'login' };

  it('is written down: each act, with its result, and who did it in which role', async () => {
    fixture.log.length = 0;
    await accept(fixture.store, 'somebody@a.example');
    const job = await fail(fixture.store, 'a.example', { 0: 'bounced' });
    expect((await press('a.example/pause', { authorization })).status).toBe(200);
    expect((await press('a.example/empty', { authorization })).status).toBe(405);
    expect((await press(`a.example/${job.id}/promote`, { authorization })).status).toBe(409);
    expect((await press(`a.example/${job.id}/retry`, { authorization })).status).toBe(204);
    expect((await press(`a.example/${job.id}/clean`, { authorization })).status).toBe(204);
    expect(audit()).toEqual([
      { ...admin, act: 'pause', on: 'a.example', result: 'done' },
      { ...admin, act: 'empty', on: 'a.example', result: 'refused' },
      { ...admin, act: 'promote', on: `a.example/${job.id}`, result: expect.stringMatching(/^failed: /) },
      { ...admin, act: 'retry', on: `a.example/${job.id}`, result: 'done' },
      { ...admin, act: 'delete', on: `a.example/${job.id}`, result: 'done' },
    ]);
  });

  it('is to look, for a viewer: no button is shown, none works, and the try is written down', async () => {
    fixture.log.length = 0;
    await accept(fixture.store, 'somebody@a.example');
    const board = await (await get('/board/', viewer)).text();
    expect(board).toContain('href="/assets/board-viewer.css"');
    expect(await (await get('/board/')).text()).not.toContain('board-viewer.css');
    expect((await press('a.example/pause', viewer)).status).toBe(403);
    expect(await fixture.store.queues.states(['a.example' as never])).toMatchObject([{ paused: false }]);
    expect(audit()).toEqual([
      {
        by: 'eva',
        role: 'viewer',
        via: 'login',
        act: 'PUT',
        on: '/board/api/queues/a.example/pause',
        result: 'refused',
      },
    ]);
  });
});

describe('the overview', () => {
  it('of an empty tier says so', async () => {
    const page = await (await get('/')).text();
    expect(page).toContain('No host has been asked yet.');
    expect(page).toContain('Nothing is queued');
  });

  it('shows the backlog, and the same for its refresh', async () => {
    await accept(fixture.store, 'one@a.example', 'two@b.example');
    await accept(fixture.store, 'three@a.example');
    await defer(fixture.store, 'a.example', 3_600_000);
    await fail(fixture.store, 'a.example', { 0: 'bounced' });
    // What was read for one visitor is good for the next for two seconds.
    const answer = await waitFor('the overview to be read again', async () => {
      const now = (await (await get('/api/overview')).json()) as OverviewAnswer;
      return now.overview.totals.failed === 1 ? now : undefined;
    });
    expect(answer.overview).toMatchObject({
      totals: { destinations: 2, waiting: 1, delayed: 1, failed: 1 },
      messages: 1,
      destinations: [
        { destination: 'a.example', delayed: 1, failed: 1 },
        { destination: 'b.example', waiting: 1 },
      ],
    });
    const page = await (await get('/')).text();
    expect(page).toContain(answer.sections.backlog);
    expect(page).toContain('href="/board/queue/a.example?status=failed"');
  });
});

interface OverviewAnswer {
  readonly overview: { readonly totals: { readonly failed: number } };
  readonly sections: { readonly backlog: string };
}

describe('a message', () => {
  it('is shown with its recipients and its attempts, and without its body', async () => {
    const id = await accept(fixture.store, 'one@a.example', 'two@a.example', 'three@b.example');
    const job = await fail(fixture.store, 'a.example', { 0: 'bounced', 1: 'delivered' });
    await defer(fixture.store, 'b.example', 3_600_000);
    const status = await (await get(`/api/messages/${id}`)).json();
    expect(status).toMatchObject({
      id,
      envelope: { reversePath: 'sender@example.net' },
      recipients: [
        { address: 'one@a.example', state: 'bounced', job: job.id },
        { address: 'two@a.example', state: 'delivered' },
        { address: 'three@b.example', state: 'delayed', reason: '452 4.2.2 Mailbox full' },
      ],
      ledger: [{ phase: 'rcpt', host: '10.0.0.1:25' }],
    });
    const page = await (await get(`/messages/${id}`)).text();
    expect(page).toContain('550 5.1.1 No such user');
    expect(page).toContain('Hello &lt;b&gt;');
    expect(page).toContain(`/board/queue/a.example/${job.id}`);
    expect(page + JSON.stringify(status)).not.toContain(secretBody.split('\r\n')[2]);
  });

  it('that is not there is a 404 in the form the asker reads', async () => {
    const missing = `m00${'a'.repeat(26)}`;
    const answer = await get(`/messages/${missing}`, { accept: 'text/html' });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(await (await get(`/api/messages/${missing}`)).json()).toMatchObject({
      status: 404,
      message: `There is no message ${missing}: it was never here, or its record has run out.`,
    });
  });
});

describe('the dashboard', () => {
  const names = async (query = ''): Promise<string[]> => {
    const answer = (await (await get(`/board/api/queues?${query}`)).json()) as { queues: { name: string }[] };
    return answer.queues.map(({ name }) => name).toSorted();
  };

  it('holds no more queues than the setting says, the opened one among them', async () => {
    for (const domain of ['a', 'b', 'c', 'd', 'e']) await accept(fixture.store, `one@${domain}.example`);
    await accept(fixture.store, 'one@very-quiet.example');
    const search = await get('/search?q=one@very-quiet.example');
    expect([search.status, search.headers.get('location')]).toEqual([303, '/board/queue/very-quiet.example']);
    expect((await get('/board/queue/very-quiet.example')).status).toBe(200);
    // The busiest are looked up again every three seconds.
    const shown = await waitFor('the busiest', async () => {
      const now = await names();
      return now.length > 1 ? now : undefined;
    });
    expect(shown).toHaveLength(3);
    expect(shown).toContain('very-quiet.example');
  });

  it('opens address literals and the longest of names', async () => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example`;
    for (const name of ['[192.0.2.1]', long]) {
      expect((await get(`/board/queue/${encodeURIComponent(name)}`)).status).toBe(200);
      expect(await names(`activeQueue=${encodeURIComponent(name)}`)).toContain(name);
    }
  });
});

describe('starting', () => {
  it('is refused on a listener that others reach without a login', async () => {
    const settings = settingsFor(fixture.redis.url, { listen: '0.0.0.0:0' });
    await expect(run({ settings, lifecycle: undefined as never })).rejects.toThrow(
      /console\.listen 0\.0\.0\.0:0: anybody may read and delete mail here; give console\.users, console\.login or console\.proxy/,
    );
  });
});

describe('without Redis', () => {
  it('pages say that they cannot be made now, and readiness says why', async () => {
    const alone = await startConsole();
    await alone.redis.stop();
    const page = await fetch(`${alone.url}/`, { headers: { accept: 'text/html' } });
    expect([page.status, await page.text()]).toEqual([503, expect.stringContaining('Redis did not answer')]);
    const ready = await fetch(`${alone.url}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, 'not ready: redis unavailable\n']);
    expect((await fetch(`${alone.url}/livez`)).status).toBe(200);
    await alone.stop();
  });
});

describe('without a login', () => {
  it('only names of this machine are answered to: a foreign name may resolve to it', async () => {
    const open = await startConsole();
    try {
      const status = async (host: string): Promise<number> => {
        const { request } = await import('node:http');
        return new Promise((resolve, reject) => {
          const asked = request(`${open.url}/`, { headers: { host } }, (answer) => {
            answer.resume();
            resolve(answer.statusCode ?? 0);
          });
          asked.on('error', reject);
          asked.end();
        });
      };
      expect([await status('localhost:3000'), await status('evil.test')]).toEqual([200, 403]);
    } finally {
      await open.stop();
    }
  });
});
