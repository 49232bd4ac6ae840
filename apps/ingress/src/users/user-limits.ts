/**
 * What a user may send in a minute, counted in Redis, so that it holds over all processes of the tier: one script, one round
 * trip for each message of a logged-in client, none for others. It fails closed: while Redis does not count, it does not
 * store either, and the message would be put off anyway.
 */
import type { RedisClient } from '@mailwheel/queue';
import { createHash } from 'node:crypto';
import { chargeScript } from './charge-script.ts';

interface ChargeCommand {
  mwChargeUser(keys: number, ...rest: readonly (string | number)[]): Promise<number>;
}

export interface MinuteLimits {
  /** 0: no limit. */
  readonly messagesPerMinuteMax: number;
  readonly recipientsPerMinuteMax: number;
}

export type Charge = 'charged' | 'too-many-messages' | 'too-many-recipients';

/** Rejects when Redis does not answer; then nothing is known to be charged. */
export type ChargeUser = (user: string, recipients: number, limits: MinuteLimits) => Promise<Charge>;

/** Makes the counter on this client. */
export function createUserCharges(client: RedisClient): ChargeUser {
  client.defineCommand('mwChargeUser', { lua: chargeScript });
  const commands = client as RedisClient & ChargeCommand;
  return async (user, recipients, limits) => {
    const { messagesPerMinuteMax, recipientsPerMinuteMax } = limits;
    if (messagesPerMinuteMax === 0 && recipientsPerMinuteMax === 0) return 'charged';
    const answer = await commands.mwChargeUser(
      1,
      userKey(user),
      recipients,
      messagesPerMinuteMax,
      recipientsPerMinuteMax,
    );
    if (answer === 0) return 'charged';
    return answer === 1 ? 'too-many-messages' : 'too-many-recipients';
  };
}

/** A slot for each user: in a cluster they spread. The name is hashed, so that it is of one length and shows in no key. */
function userKey(user: string): string {
  return `{mw:u:${createHash('sha256').update(user).digest('base64url').slice(0, 22)}}`;
}
