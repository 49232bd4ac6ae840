import { createBullBoard } from '@bull-board/api';
import type { AppControllerRoute } from '@bull-board/api/typings/app';
import { describe, expect, it } from 'vitest';
import { judge, judgedRoutes } from './policy.ts';
import { ConsoleAdapter } from './server-adapter.ts';

/** Routes of the bull-board that is installed and that change something: `put /api/...`. */
function changingRoutes(): string[] {
  const seen: string[] = [];
  class Recorder extends ConsoleAdapter {
    override setApiRoutes(routes: AppControllerRoute[]): this {
      for (const { method, route } of routes) seen.push(`${String(method)} ${String(route)}`);
      return this;
    }
  }
  createBullBoard({ queues: [], serverAdapter: new Recorder(new Map()) });
  return seen.filter((name) => !name.startsWith('get '));
}

describe('the table of buttons', () => {
  it('knows every route of bull-board, and none that it no longer has', () => {
    const optional = ['post /api/metrics/history/purge'];
    expect(judgedRoutes().toSorted()).toEqual([...changingRoutes(), ...optional].toSorted());
  });

  it('allows pause, resume, promote, retry and delete, and nothing else', () => {
    const allowed = changingRoutes().filter((name) => {
      const [method = '', route = ''] = name.split(' ');
      return judge(method, route).kind === 'allowed';
    });
    expect(allowed.toSorted()).toEqual([
      'put /api/queues/:queueName/:jobId/clean',
      'put /api/queues/:queueName/:jobId/promote',
      'put /api/queues/:queueName/:jobId/retry',
      'put /api/queues/:queueName/pause',
      'put /api/queues/:queueName/promote',
      'put /api/queues/:queueName/resume',
      'put /api/queues/:queueName/retry/:queueStatus',
    ]);
  });

  it('refuses what it does not know, and lets reading pass', () => {
    expect(judge('delete', '/api/queues/:queueName').kind).toBe('refused');
    expect(judge('GET', '/api/anything')).toEqual({ kind: 'allowed' });
  });
});
