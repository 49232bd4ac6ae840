/**
 * Acceptance 17: the console in headless Chromium over a real tier: the overview with an ill host, a queue with deferred and
 * failed jobs, and each button of the dashboard. `MAILWHEEL_SCREENSHOTS=<folder>` keeps what it saw.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@mailwheel/testkit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { launchBrowser, openPage, sees, shoot, visibleIcons, type Watched } from './console-browser.ts';
import { ConsoleStage, domain, login, viewer, words } from './console-stage.ts';

// A busy machine starts a browser slowly.
vi.setConfig({ testTimeout: 60_000 });

let stage: ConsoleStage;
let browser: Browser;
let shots: string;

beforeAll(async () => {
  shots = process.env['MAILWHEEL_SCREENSHOTS'] ?? (await mkdtemp(join(tmpdir(), 'mailwheel-shots-')));
  await mkdir(shots, { recursive: true });
  browser = await launchBrowser();
  stage = await ConsoleStage.set();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await stage?.stop();
  if (process.env['MAILWHEEL_SCREENSHOTS'] === undefined) await rm(shots, { recursive: true, force: true });
});

function open(colorScheme: 'light' | 'dark'): Promise<Watched> {
  return openPage(browser, { colorScheme, login });
}

function picture(page: Page, name: string): Promise<void> {
  return shoot(page, join(shots, `${name}.png`));
}

describe('the overview', () => {
  test('shows the ill host, the shares beside the ideal, the backlog, in both themes', async () => {
    for (const theme of ['light', 'dark'] as const) {
      const { page, complaints } = await open(theme);
      await page.goto(stage.url('/'));
      const row = page.locator('tr', { hasText: `127.0.0.1:${stage.hosts[1]?.port}` }).first();
      expect(await row.innerText()).toMatch(
        /resting\s.*ago\s.*in \d+ .*452 4\.3\.1 Insufficient system resources/s,
      );
      const shares = await page.locator('[data-section=cursors] tbody tr').allInnerTexts();
      expect(shares.map((line) => line.trim().endsWith('33.3 %'))).toEqual([true, true, true]);
      const queue = page.locator('[data-section=backlog] tr', { hasText: domain });
      expect((await queue.innerText()).split(/\s+/).slice(0, 5)).toEqual([domain, '0', '0', '4', '4']);
      const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(background).toBe(theme === 'light' ? 'rgb(245, 246, 248)' : 'rgb(18, 22, 28)');
      await picture(page, `overview-${theme}`);
      expect(complaints).toEqual([]);
      await page.context().close();
    }
  });

  test('refreshes by itself, keeps the focus, and can be told not to', async () => {
    const { page, complaints } = await open('light');
    await page.clock.install();
    await page.goto(stage.url('/'));
    const link = page.locator(`[data-section=backlog] a[href="/board/queue/${domain}"]`);
    await link.focus();
    await stage.redis.zadd('{mw0}:!due', Date.now() + 3 * 3_600_000, domain);
    const backlog = page.locator('[data-section=backlog]');
    await waitFor('the page to show the new date', async () => {
      await page.clock.fastForward(5000);
      return (await backlog.innerText()).includes('in 2 h');
    });
    expect(await page.evaluate('document.activeElement.getAttribute("href")')).toBe(`/board/queue/${domain}`);
    await page.getByLabel('refresh by itself').uncheck();
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    await page.clock.fastForward(60_000);
    await page.getByLabel('refresh by itself').check();
    await waitFor('one request for being told to again', () => requests.length > 0);
    expect(requests).toEqual([stage.url('/api/overview')]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('leads by keyboard to a message, which is shown without its body', async () => {
    const { page, complaints } = await open('dark');
    await page.goto(stage.url('/'));
    await page.keyboard.press('/');
    await page.keyboard.type(stage.failed[0] ?? '');
    await page.keyboard.press('Enter');
    await sees(page, `gone0@${domain}`);
    await sees(page, '550 5.1.1 No such user here');
    await picture(page, 'message-dark');
    expect(await page.content()).not.toContain(words);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

describe('the dashboard in the browser', () => {
  test('shows deferred and failed jobs, and only the buttons that are allowed', async () => {
    const { page, complaints } = await open('light');
    await page.goto(stage.url(`/board/queue/${domain}?status=delayed`));
    await sees(page, `app@source.test to full0@${domain}`);
    await picture(page, 'queue-delayed-light');
    await page.goto(stage.url(`/board/queue/${domain}?status=failed`));
    await sees(page, `app@source.test to gone0@${domain}`);
    await page.locator('main [aria-haspopup=menu]').first().click();
    await sees(page, 'Pause');
    await picture(page, 'queue-failed-light');
    expect(await visibleIcons(page)).toEqual(['pause', 'refresh-cw', 'trash-2']);
    expect(await page.content()).not.toContain(words);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('shows no button to a viewer, whom it would not help', async () => {
    const { page, complaints } = await openPage(browser, { colorScheme: 'light', login: viewer });
    for (const status of ['failed', 'delayed']) {
      await page.goto(stage.url(`/board/queue/${domain}?status=${status}`));
      await sees(page, `app@source.test to ${status === 'failed' ? 'gone0' : 'full0'}@${domain}`);
      await page.locator('main [aria-haspopup=menu]').first().click();
      expect([status, await visibleIcons(page)]).toEqual([status, []]);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('does not show buttons for all queues at once', async () => {
    const { page, complaints } = await open('dark');
    await page.goto(stage.url('/board/'));
    await sees(page, domain);
    await page.locator('main [aria-haspopup=menu]').first().click();
    await sees(page, 'Sort by');
    expect(await visibleIcons(page)).toEqual(['arrow-up-down', 'refresh-cw']);
    await picture(page, 'board-dark');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test('pauses when told to, and says in words why something cannot be done', async () => {
    await Promise.all(stage.tier.workers().map((worker) => worker.kill('SIGTERM')));
    await stage.redis.del(`{mw0}:!body:${stage.failed[3]}`);
    const { page } = await open('light');
    await page.goto(stage.url(`/board/queue/${domain}?status=failed`));
    await page.locator('main [aria-haspopup=menu]').first().click();
    await page.getByRole('menuitem', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await waitFor(
      'the queue to be paused',
      async () => (await stage.redis.hexists(`{mw0}:${domain}:meta`, 'paused')) === 1,
    );
    await page.goto(stage.url(`/board/queue/${domain}/${stage.failed[3]}-0`));
    await page.locator('main button:has(> svg.lucide-refresh-cw)').click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await sees(page, /body of this message is gone/);
    await picture(page, 'refused-light');
    await page.context().close();
    expect((await stage.press('PUT', `/${domain}/resume`)).status).toBe(200);
  });
});

/** Presses a button as if nobody had to look at the queue for an hour, and expects that somebody has to look now. */
async function pressAllowed(path: string, status: number): Promise<string> {
  await stage.redis.zadd('{mw0}:!due', Date.now() + 3_600_000, domain);
  const answer = await stage.press('PUT', path);
  expect([path, answer.status, answer.text]).toEqual([path, status, expect.any(String)]);
  const dueAtMs = Number(await stage.redis.zscore('{mw0}:!due', domain));
  expect(dueAtMs, `${path} brings the queue forward`).toBeLessThanOrEqual(Date.now() + 5);
  return answer.text;
}

// The workers have been stopped: what a button did is seen as it did it. They come back at the end.
describe('each button', () => {
  const job = (id: string | undefined): string => `${id}-0`;

  test('that would go round the records or the settings is refused, and changes nothing', async () => {
    const waiting = job(stage.deferred[0]);
    const refused: [method: string, path: string, act: string, json?: object][] = [
      ['PUT', '/pause', 'pause all'],
      ['PUT', '/resume', 'resume all'],
      ['POST', `/${domain}/add`, 'add or duplicate a job', { name: 'deliver', data: {}, options: {} }],
      ['PATCH', `/${domain}/${waiting}/update-data`, 'edit job data', { jobData: { v: 1 } }],
      ['PATCH', `/${domain}/${waiting}/delay`, 'reschedule', { runAt: Date.now() }],
      ['PATCH', `/${domain}/${waiting}/priority`, 'change priority', { priority: 1 }],
      ['PUT', `/${domain}/clean/failed`, 'clean'],
      ['PUT', `/${domain}/clean/delayed`, 'clean'],
      ['PUT', `/${domain}/empty`, 'empty'],
      ['PUT', `/${domain}/obliterate`, 'obliterate', { force: true }],
      ['PUT', `/${domain}/concurrency`, 'set concurrency', { concurrency: 1 }],
      ['PUT', `/${domain}/rate-limit`, 'set rate limit', { max: 1, duration: 1000 }],
      ['PUT', `/${domain}/rate-limit/release`, 'release rate limit'],
      ['PUT', `/${domain}/job-schedulers/x/remove`, 'remove scheduler'],
      ['PATCH', `/${domain}/job-schedulers/x`, 'change scheduler', { every: 1000 }],
      ['PUT', `/${domain}/job-schedulers/x/run`, 'run scheduler'],
      ['PUT', `/${domain}/${waiting}/remove-unprocessed-children`, 'remove children'],
    ];
    const before = await stage.everything();
    for (const [method, path, act, json] of refused) {
      const answer = await stage.press(method, path, json);
      expect([path, answer.status]).toEqual([path, 405]);
      expect(JSON.parse(answer.text), path).toMatchObject({ message: expect.stringMatching(/\w+.*\.$/) });
      expect(
        await waitFor('the audit', () => stage.acts().find((line) => line.includes(` ${act} `))),
      ).toMatch(new RegExp(`^${login.username} ${act} (all queues|${domain}\\S*) refused$`));
    }
    expect(await stage.everything()).toEqual(before);
    // What fits no state is a conflict, and a retry of something else than failed jobs is not understood.
    const conflicts: [path: string, status: number][] = [
      [`/${domain}/${job(stage.deferred[0])}/retry`, 400],
      [`/${domain}/${job(stage.failed[0])}/promote`, 409],
      [`/${domain}/${job(stage.failed[3])}/retry`, 409],
      [`/${domain}/retry/completed`, 400],
      [`/${domain}/no-such-job/retry`, 404],
    ];
    const keys = [...before.keys()].filter((key) => key !== '{mw0}:!due' && key !== '{mw0}:!hint');
    for (const [path, status] of conflicts)
      expect([path, (await stage.press('PUT', path)).status]).toEqual([path, status]);
    const after = await stage.everything();
    expect(keys.filter((key) => after.get(key) !== before.get(key))).toEqual([]);
  });

  test('that is allowed has its effect, and somebody looks at the queue', async () => {
    const meta = `{mw0}:${domain}:meta`;
    await pressAllowed(`/${domain}/pause`, 200);
    expect(await stage.redis.hexists(meta, 'paused')).toBe(1);
    await pressAllowed(`/${domain}/resume`, 200);
    expect(await stage.redis.hexists(meta, 'paused')).toBe(0);

    await pressAllowed(`/${domain}/${job(stage.failed[0])}/retry`, 204);
    expect([await stage.jobState(stage.failed[0]), await stage.recipientState(stage.failed[0])]).toEqual([
      'waiting',
      'waiting',
    ]);
    await pressAllowed(`/${domain}/${job(stage.failed[1])}/clean`, 204);
    expect([await stage.jobState(stage.failed[1]), await stage.recipientState(stage.failed[1])]).toEqual([
      'gone',
      'bounced',
    ]);
    expect(JSON.parse(await pressAllowed(`/${domain}/retry/failed`, 200))).toEqual({
      retried: 1,
      skipped: 1,
    });
    expect([await stage.jobState(stage.failed[2]), await stage.jobState(stage.failed[3])]).toEqual([
      'waiting',
      'failed',
    ]);

    await pressAllowed(`/${domain}/${job(stage.deferred[0])}/promote`, 204);
    expect(await stage.jobState(stage.deferred[0])).toBe('waiting');
    await pressAllowed(`/${domain}/${job(stage.deferred[1])}/clean`, 204);
    expect([await stage.jobState(stage.deferred[1]), await stage.recipientState(stage.deferred[1])]).toEqual([
      'gone',
      'deleted',
    ]);
    await pressAllowed(`/${domain}/promote`, 200);
    expect(await Promise.all([stage.deferred[2], stage.deferred[3]].map((id) => stage.jobState(id)))).toEqual(
      ['waiting', 'waiting'],
    );

    const done = [
      `pause ${domain}`,
      `resume ${domain}`,
      `retry ${domain}/${job(stage.failed[0])}`,
      `delete ${domain}/${job(stage.failed[1])}`,
      `retry ${domain}/${job(stage.failed[2])}`,
      `promote ${domain}/${job(stage.deferred[0])}`,
      `delete ${domain}/${job(stage.deferred[1])}`,
      `promote-all ${domain}`,
    ].map((act) => `${login.username} ${act} done`);
    await waitFor('the audit', () => done.every((line) => stage.acts().includes(line)));
  });

  test('has said the truth: what was to be delivered is delivered, once', async () => {
    stage.recover();
    const before = stage.delivered();
    await stage.tier.startRole('worker');
    const wanted = [
      stage.failed[0],
      stage.failed[2],
      stage.deferred[0],
      stage.deferred[2],
      stage.deferred[3],
    ];
    await waitFor('all of them to be delivered', async () => {
      const states = await Promise.all(wanted.map((id) => stage.recipientState(id)));
      return states.every((state) => state === 'delivered');
    });
    expect(stage.delivered() - before).toBe(wanted.length);
    expect(
      await Promise.all(
        [stage.failed[1], stage.failed[3], stage.deferred[1]].map((id) => stage.recipientState(id)),
      ),
    ).toEqual(['bounced', 'bounced', 'deleted']);
  });
});
