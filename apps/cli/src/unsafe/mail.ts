/** Settings by which mail is lost, misdirected or held up without anybody doing anything wrong. */
import type { Settings } from '@mailwheel/settings';
import { unsafe, type Warning } from './warning.ts';

interface Rule {
  readonly path: string;
  readonly applies: (settings: Settings) => boolean;
  readonly message: string;
}

const rules: readonly Rule[] = [
  {
    path: 'bounced.keepSeconds',
    applies: ({ bounced }) => bounced.keepSeconds === 0 || bounced.keepPerDestination === 0,
    message: 'Bounced and quarantined mail is not kept, so that nothing of it can be delivered again.',
  },
  {
    path: 'dns.allowPrivate',
    applies: ({ dns }) => dns.allowPrivate,
    message:
      'Whoever may send can have us connect to machines of this network, by an MX record of their own: name such hosts in routes instead.',
  },
  {
    path: 'delivery.verdicts',
    applies: ({ delivery }) => delivery.verdicts === 'any-4xx',
    message:
      'With "any-4xx" one full mailbox or greylisting answer sets a whole host aside, which any sender can bring about: say "scoped".',
  },
  {
    path: 'delivery.unknownOutcome',
    applies: ({ delivery }) => delivery.unknownOutcome === 'assume-delivered',
    message:
      'With "assume-delivered" a message whose reply got lost is not sent again, and may have reached nobody.',
  },
  {
    path: 'delivery.tls',
    applies: ({ delivery }) => delivery.tls === 'none',
    message: 'Mail travels unencrypted even to hosts that offer TLS: say "opportunistic".',
  },
  {
    path: 'redis.replicasToWaitFor',
    applies: ({ redis }) => redis.replicasToWaitFor === 0 && (redis.sentinel ?? redis.cluster) !== undefined,
    message:
      'Mail that was accepted is lost when the primary fails before its replica has it: say 1 or more.',
  },
  {
    path: 'ingress.smtp.bareNewline',
    applies: ({ ingress }) => ingress.smtp.bareNewline === 'normalise',
    message:
      'Mail with bare line ends is changed instead of refused, which breaks its signatures: say "reject".',
  },
  {
    path: 'ingress.smtp.userMessagesPerMinuteMax',
    applies: ({ ingress: { smtp } }) => smtp.usersFile !== undefined && smtp.userMessagesPerMinuteMax === 0,
    message: 'A stolen login sends without limit: give one.',
  },
];

export function mailWarnings(settings: Settings): Warning[] {
  return rules.filter(({ applies }) => applies(settings)).map(({ path, message }) => unsafe(path, message));
}

/** For the test that breaks each of them. */
export function mailRulePaths(): string[] {
  return rules.map(({ path }) => path);
}
