/** What `up` says about its children: Redis and the roles. */
import type { EmbeddedRedisEvent } from '@mailwheel/embedded';
import type { Output } from '../output.ts';
import type { RoleEvent } from './role-process.ts';

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

export function redisReporter(output: Output): (event: EmbeddedRedisEvent) => void {
  return (event) => {
    switch (event.kind) {
      case 'running': {
        const { kind: _, ...fields } = event;
        const verb = event.adopted ? 'was still running and is used again' : 'runs';
        const text = `Redis ${event.version} ${verb} (process ${event.processId}, port ${event.port})`;
        return output.event({ name: 'redis-running', text, fields });
      }
      case 'loading':
        return output.event({ name: 'redis-loading', text: 'Redis reads its data ...' });
      case 'lost': {
        const text = `Redis is gone, clients are answered 451; it is started again in ${seconds(event.restartInMs)}. Its last words:\n${event.lastLog}`;
        return output.event({
          name: 'redis-lost',
          level: 'error',
          text,
          fields: { restartInMs: event.restartInMs },
        });
      }
      case 'restart-failed': {
        const text = `Redis cannot be started, the next try is in ${seconds(event.restartInMs)}: ${(event.error as Error).message}`;
        return output.event({
          name: 'redis-restart-failed',
          level: 'error',
          text,
          fields: { restartInMs: event.restartInMs },
        });
      }
    }
  };
}

export function roleReporter(output: Output): (event: RoleEvent) => void {
  return (event) => {
    const { role } = event;
    switch (event.kind) {
      case 'ready':
        if (event.restarted) {
          output.event({ name: 'role-restarted', text: `${role} is ready again`, fields: { role } });
        }
        return;
      case 'died':
        return output.event({
          name: 'role-died',
          level: 'error',
          text: `${role} died (${event.how}); it is started again in ${seconds(event.restartInMs)}`,
          fields: { role, how: event.how, restartInMs: event.restartInMs },
        });
      case 'killed':
        return output.event({
          name: 'role-killed',
          level: 'error',
          text: `${role} did not stop within ${seconds(event.afterMs)} and was killed`,
          fields: { role, afterMs: event.afterMs },
        });
    }
  };
}
