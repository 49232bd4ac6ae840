/**
 * `npm start` and `npm test` in a fresh clone: installs what is missing, then hands over to the project's own Node.
 * Plain JavaScript for Node 18 and newer, without any package: it runs before there are packages.
 */
import { installDependencies } from './dependencies.mjs';
import { findRedisServer, requireRedisServer, requireTestTools } from './system-packages.mjs';
import { handOver } from './programs.mjs';
import { say } from './say.mjs';
import { runTests } from './test-stages.mjs';

const [mode, ...words] = process.argv.slice(2);

if (mode === 'start') {
  await installDependencies();
  await requireRedisServer();
  // Settings of one's own mean one's own mail: the demonstration is for the start without any.
  const demo = words.some((word) => word.startsWith('--config')) ? [] : ['--demo'];
  await handOver(['apps/cli/bin/mailwheel.mjs', 'up', ...demo, ...words]);
} else if (mode === 'test') {
  await installDependencies();
  await requireTestTools();
  if ((await findRedisServer()) === undefined) say('Without a Redis server most tests will fail.');
  process.exitCode = await runTests();
} else {
  say('Call it through "npm start" or "npm test".');
  process.exitCode = 2;
}
