/** What became of a message, as its sender sees it: by `GET /v1/messages/{id}`, and by the DSN that came home. */
import { waitFor, type SmtpHost } from '@mailwheel/testkit';
import type { Tier } from './tier.ts';

export interface MessageStatus {
  readonly recipients: readonly {
    readonly address: string;
    readonly state: string;
    readonly host?: string;
    readonly reply?: string;
  }[];
  readonly attempts: readonly {
    readonly host: string;
    readonly phase: string;
    readonly outcome: string;
    readonly attempt: number;
    readonly reply: string;
  }[];
}

/** Waits until every recipient is in one of these states; the status then, or an error with the status at the end. */
export async function becomes(tier: Tier, id: string, ...states: string[]): Promise<MessageStatus> {
  let last: unknown;
  return waitFor(
    `message ${id} to be ${states.join(' or ')}`,
    async () => {
      const status = (await tier.message(id)) as unknown as MessageStatus;
      last = status;
      return status.recipients?.every((one) => states.includes(one.state)) === true ? status : undefined;
    },
    20_000,
  ).catch((cause: unknown) => {
    throw new Error(`not ${states.join(' or ')}: ${JSON.stringify(last)}`, { cause });
  });
}

/** Status and diagnostic of the DSN about a recipient that this host was given. */
export async function dsnAbout(
  address: string,
  home: SmtpHost,
): Promise<{ readonly status: string; readonly diagnostic: string }> {
  const text = await waitFor(
    `the DSN about ${address}`,
    () =>
      home.delivered
        .map(({ body }) => body.toString())
        .find((body) => body.includes(`Final-Recipient: rfc822; ${address}\r\n`)),
    20_000,
  );
  const field = (name: string): string => {
    const folded = new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)\\r$`, 'm').exec(text)?.[1] ?? '';
    return folded.replaceAll(/\r\n[ \t]/g, ' ');
  };
  return { status: field('Status'), diagnostic: field('Diagnostic-Code') };
}
