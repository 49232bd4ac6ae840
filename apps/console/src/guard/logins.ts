/** Every way to say who one is: the proxy's word first, then a password; without either configured everybody may come in. */
import type { ConsoleSettings } from '@mailwheel/settings';
import { readAccounts } from './accounts.ts';
import { anybody } from './actor.ts';
import { BasicLogin } from './basic-login.ts';
import { ProxyLogin } from './proxy-login.ts';
import type { Asker, Visitor } from './visitor.ts';

export interface Logins {
  /** Nobody must say who they are. */
  readonly open: boolean;
  /** There are passwords: a browser is asked for one. */
  readonly byPassword: boolean;
  judge(asker: Asker): Promise<Visitor>;
}

/** As configured. Rejects with a sentence that names the setting that cannot be used. */
export async function readLogins(
  settings: Pick<ConsoleSettings, 'login' | 'users' | 'proxy'>,
  monotonicMs: () => number,
): Promise<Logins> {
  const [first, ...others] = await readAccounts(settings);
  const basic =
    first === undefined ? undefined : new BasicLogin({ accounts: [first, ...others], monotonicMs });
  const proxy = settings.proxy === undefined ? undefined : new ProxyLogin(settings.proxy);
  return {
    open: basic === undefined && proxy === undefined,
    byPassword: basic !== undefined,
    judge: async (asker) => {
      if (basic === undefined && proxy === undefined) return { kind: 'known', actor: anybody };
      const told = proxy?.judge(asker) ?? { kind: 'silent' };
      if (told.kind === 'known') return told;
      if (told.kind === 'doubtful') return { kind: 'refused', count: 0 };
      return basic === undefined ? { kind: 'unknown' } : basic.judge(asker);
    },
  };
}
