/** Every command of `mailwheel`, one line each: the table that `main` and `help` read. */
import { usage, type Command, type Invocation, type OptionName } from './command.ts';
import { checkConfiguration } from './configuration.ts';
import { deleteFromQueue } from './queue/delete.ts';
import { deliverNow, holdQueue, releaseQueue } from './queue/hold.ts';
import { listQueues } from './queue/list.ts';
import { showQueue } from './queue/show.ts';
import { exportQueue, importQueue } from './queue/transfer.ts';
import { checkRoutes } from './routes/check.ts';
import { explainRoute } from './routes/explain.ts';
import { runRole } from './role.ts';
import { runUp } from './up/up.ts';
import { printVersion } from './version.ts';

function command(
  line: string,
  options: readonly OptionName[],
  says: string,
  run: (invocation: Invocation) => Promise<number | undefined>,
): Command {
  const parts = line.split(' ');
  return {
    words: parts.filter((part) => part === part.toLowerCase()),
    parameters: parts.filter((part) => part !== part.toLowerCase()),
    options,
    says,
    run,
  };
}

const roleOptions = ['config', 'supervised'] as const;

export const commandTable: readonly Command[] = [
  command(
    'up',
    ['config', 'demo'],
    'The whole tier on this machine, with a Redis of its own unless redis.url is set.',
    runUp,
  ),
  command('ingress', roleOptions, 'Accepts mail over SMTP and HTTP.', (call) => runRole('ingress', call)),
  command('worker', roleOptions, 'Delivers mail.', (call) => runRole('worker', call)),
  command('console', roleOptions, 'Shows queues, hosts and backlog in a browser.', (call) =>
    runRole('console', call),
  ),
  command(
    'queue list',
    ['config', 'limit', 'json'],
    'Destinations with mail, the busiest first.',
    listQueues,
  ),
  command(
    'queue show DESTINATION|MESSAGE',
    ['config', 'limit', 'json'],
    'One destination, or one message and every attempt.',
    showQueue,
  ),
  command(
    'queue hold DESTINATION',
    ['config', 'json'],
    'Keeps mail for a destination until it is released.',
    holdQueue,
  ),
  command('queue release DESTINATION', ['config', 'json'], 'Ends a hold.', releaseQueue),
  command(
    'queue deliver-now DESTINATION|MESSAGE',
    ['config', 'json'],
    'Delayed mail is tried at once; a message also when it had bounced.',
    deliverNow,
  ),
  command(
    'queue delete DESTINATION|MESSAGE',
    ['config', 'yes', 'json'],
    'Deletes mail, without a bounce.',
    deleteFromQueue,
  ),
  command(
    'queue export DIR',
    ['config', 'json'],
    'Writes undelivered mail as files, also from a stopped data folder.',
    exportQueue,
  ),
  command(
    'queue import DIR',
    ['config', 'json'],
    'Takes exported mail in; repeating it adds nothing.',
    importQueue,
  ),
  command('routes check FILE', ['json'], 'Checks a file of SMTP routes.', checkRoutes),
  command(
    'routes explain ADDRESS',
    ['config', 'json'],
    'Where mail for an address would go now, without sending.',
    explainRoute,
  ),
  command('config check', ['config'], 'Checks a settings file and says what it opens.', checkConfiguration),
  command('version', ['json'], 'The version of this program and of what it runs on.', printVersion),
  command('help', [], 'This list.', async (call) => {
    call.output.text(helpText());
    return 0;
  }),
];

/** The list of all commands. */
export function helpText(): string {
  const lines = commandTable.map((entry) => ({ call: usage(entry), says: entry.says }));
  return [
    'Mailwheel accepts mail, keeps it safe, and delivers it to the hosts your routes name.',
    '',
    ...lines.map(({ call, says }) => `  ${call}\n      ${says}`),
    '',
    'Settings come from --config FILE; environment variables such as MAILWHEEL__HOSTNAME override them.',
  ].join('\n');
}
