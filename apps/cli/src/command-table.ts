/** Every command of `mailwheel`, one line each: the table that `main` and `help` read. */
import { usage, type Command, type Invocation, type OptionName } from './command.ts';
/** A command's module is loaded when it is called: `help` must not wait for BullMQ, and `up` need not hold it. */
type Run = (call: Invocation) => Promise<number | undefined>;

const table: readonly (readonly [line: string, options: readonly OptionName[], says: string, run: Run])[] = [
  [
    'up',
    ['config', 'demo'],
    'The whole tier on this machine, with a Redis of its own unless redis.url is set.',
    async (call) => (await import('./up/up.ts')).runUp(call),
  ],
  ['ingress', ['config', 'supervised'], 'Accepts mail over SMTP and HTTP.', role('ingress')],
  ['worker', ['config', 'supervised'], 'Delivers mail.', role('worker')],
  ['console', ['config', 'supervised'], 'Shows queues, hosts and backlog in a browser.', role('console')],
  [
    'queue list',
    ['config', 'limit', 'json'],
    'Destinations with mail, the busiest first.',
    async (call) => (await import('./queue/list.ts')).listQueues(call),
  ],
  [
    'queue show DESTINATION|MESSAGE',
    ['config', 'limit', 'json'],
    'One destination, or one message and every attempt.',
    async (call) => (await import('./queue/show.ts')).showQueue(call),
  ],
  [
    'queue hold DESTINATION',
    ['config', 'json'],
    'Keeps mail for a destination until it is released.',
    async (call) => (await import('./queue/hold.ts')).holdQueue(call),
  ],
  [
    'queue release DESTINATION',
    ['config', 'json'],
    'Ends a hold.',
    async (call) => (await import('./queue/hold.ts')).releaseQueue(call),
  ],
  [
    'queue deliver-now DESTINATION|MESSAGE',
    ['config', 'json'],
    'Delayed mail is tried at once; a message also when it had bounced.',
    async (call) => (await import('./queue/hold.ts')).deliverNow(call),
  ],
  [
    'queue delete DESTINATION|MESSAGE',
    ['config', 'yes', 'json'],
    'Deletes mail, without a bounce.',
    async (call) => (await import('./queue/delete.ts')).deleteFromQueue(call),
  ],
  [
    'queue export DIR',
    ['config', 'json'],
    'Writes undelivered mail as files, also from a stopped data folder.',
    async (call) => (await import('./queue/transfer.ts')).exportQueue(call),
  ],
  [
    'queue import DIR',
    ['config', 'json'],
    'Takes exported mail in; repeating it adds nothing.',
    async (call) => (await import('./queue/transfer.ts')).importQueue(call),
  ],
  [
    'routes check FILE',
    ['json'],
    'Checks a file of SMTP routes.',
    async (call) => (await import('./routes/check.ts')).checkRoutes(call),
  ],
  [
    'routes explain ADDRESS',
    ['config', 'json'],
    'Where mail for an address would go now, without sending.',
    async (call) => (await import('./routes/explain.ts')).explainRoute(call),
  ],
  [
    'config check',
    ['config', 'json'],
    'Checks a settings file, says what it opens and what is unsafe (exit code 3).',
    async (call) => (await import('./config-check.ts')).checkConfiguration(call),
  ],
  [
    'password hash',
    [],
    'Reads a password from standard input and prints its hash for a settings or users file.',
    async (call) => (await import('./password-hash.ts')).printPasswordHash(call),
  ],
  [
    'version',
    ['json'],
    'The version of this program and of what it runs on.',
    async (call) => (await import('./version.ts')).printVersion(call),
  ],
  ['help', [], 'This list.', async (call) => print(call, helpText())],
];

/** Lower-case words of a line are the command's, the others its parameters. */
export const commandTable: readonly Command[] = table.map(([line, options, says, run]) => {
  const parts = line.split(' ');
  return {
    words: parts.filter((part) => part === part.toLowerCase()),
    parameters: parts.filter((part) => part !== part.toLowerCase()),
    options,
    says,
    run,
  };
});

function role(name: 'ingress' | 'worker' | 'console'): Run {
  return async (call) => (await import('./role.ts')).runRole(name, call);
}

function print(call: Invocation, text: string): number {
  call.output.text(text);
  return 0;
}

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
