/**
 * The demonstration of `npm start`: the vendor note's scene on one machine. Two destination hosts for example.com, of which
 * the first answers `452 4.3.1` for its first seconds; a few messages, and the log lines as they happen.
 */
import type { Lifecycle } from '@mailwheel/lifecycle';
import { formatListen, type Settings } from '@mailwheel/settings';
import { startSmtpHost, type HostScript, type SmtpHost } from '@mailwheel/testkit';
import { CommandFailure } from '../command.ts';
import type { Output } from '../output.ts';
import type { RoleName } from '../role.ts';
import { Illness, playScene } from './scene.ts';
import { showWhatToTry } from './what-to-try.ts';

/** The first host is unwell for this long from the first message it sees, a little less than its first rest. */
const unwellMs = 3_500;
const restSeconds = 4;
const domain = 'example.com';
/** Tried first, so that the second start meets the hosts that the first one knew. */
const hostPorts = [2601, 2602] as const;

export interface Demonstration {
  /** The user's settings with the route and short rests. */
  readonly settings: Settings;
  /** Sends the mail and says what is to be seen. Never rejects for what the tier does: it tells it. */
  play(
    output: Output,
    roles: ReadonlyMap<RoleName, { addresses(): ReadonlyMap<string, string> }>,
  ): Promise<void>;
}

/** Starts the two hosts; they end with the process. */
export async function prepareDemo(settings: Settings, lifecycle: Lifecycle): Promise<Demonstration> {
  if (settings.routesFile !== undefined) {
    throw new CommandFailure(
      'routesFile: the demonstration brings a route of its own for example.com; start without --demo',
    );
  }
  const illness = new Illness(unwellMs);
  const first = await startHost(hostPorts[0], { greeting: () => illness.answer() });
  const second = await startHost(hostPorts[1], {});
  lifecycle.onStop({
    stage: 'peers',
    name: 'demonstration hosts',
    limitMs: 2_000,
    stop: async () => void (await Promise.all([first.stop(), second.stop()])),
  });
  const route = `${domain} ${label(first)}/pri=0, ${label(second)}/pri=0`;
  return {
    settings: {
      ...settings,
      routes: `${route}\n${settings.routes ?? ''}`,
      hostHealth: {
        ...settings.hostHealth,
        firstRestSeconds: restSeconds,
        aloneRestSeconds: restSeconds,
        longestRestSeconds: 2 * restSeconds,
      },
    },
    play: async (output, roles) => {
      const smtp =
        roles.get('ingress')?.addresses().get('smtp') ?? formatListen(settings.ingress.smtp.listen);
      const rest = restSeconds * 1_000 + 500;
      const cast = { output, smtp, domain, first, second, illness, restMs: rest, end: lifecycle.draining };
      await playScene(cast);
      if (!lifecycle.draining.aborted) showWhatToTry({ output, smtp, settings, domain });
    },
  };
}

async function startHost(port: number, script: HostScript): Promise<SmtpHost> {
  const options = { name: `mx.${domain}`, keepBodies: false };
  try {
    return await startSmtpHost(script, { ...options, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startSmtpHost(script, options); // somebody else's port: any will do
  }
}

function label(host: SmtpHost): string {
  return `${host.address}:${host.port}`;
}
