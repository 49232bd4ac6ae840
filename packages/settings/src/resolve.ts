/** From what was written to what a role uses, and the checks that depend on the role. */
import { formatListen, isEverybody, isLoopback, type ListenAddress } from './addresses.ts';
import type { SettingsProblem } from './problem.ts';
import type { Settings, WrittenSettings } from './schema.ts';
import type { SmtpIngressSettings } from './schema/smtp.ts';

/** `up` is all of it on one machine; `tool` is a command that listens nowhere (`queue list`, `routes check`). */
export const roles = ['up', 'ingress', 'worker', 'console', 'tool'] as const;
export type Role = (typeof roles)[number];

export const loopbackNetworks: readonly string[] = ['127.0.0.0/8', '::1/128'];

const everyDestination = { concurrencyMax: 500 } as const;

/**
 * Decides what depends on the role and the machine: `up` trusts loopback unless networks are named, `ingress` alone
 * trusts nobody until told; the host name of the machine stands in for `hostname`; domains are lower case.
 */
export function resolveFor(
  role: Role,
  settings: WrittenSettings,
  machine: { readonly hostname: string } = { hostname: 'localhost' },
): Settings {
  const { ingress } = settings;
  const trustedNetworks = ingress.smtp.trustedNetworks ?? (role === 'up' ? loopbackNetworks : []);
  const destinations = Object.entries(settings.destinations).map(
    ([key, of]) => [key.toLowerCase(), of] as const,
  );
  return {
    ...settings,
    hostname: settings.hostname ?? machine.hostname,
    ingress: { ...ingress, smtp: { ...ingress.smtp, trustedNetworks } },
    destinations: { default: everyDestination, ...Object.fromEntries(destinations) },
  };
}

/** What a role cannot do without. */
export function missingFor(role: Role, settings: WrittenSettings): SettingsProblem[] {
  const { url, sentinel, cluster } = settings.redis;
  if (
    role === 'up' ||
    role === 'tool' ||
    url !== undefined ||
    sentinel !== undefined ||
    cluster !== undefined
  )
    return [];
  const message = `${role} needs to know its Redis: give redis.url, redis.sentinel or redis.cluster (only \`up\` brings its own)`;
  return [{ path: 'redis', message, source: 'file' }];
}

export interface UnsafeListener {
  readonly path: string;
  /** `0.0.0.0:3000` */
  readonly listen: string;
  /** One sentence: what is open, and what to do. */
  readonly message: string;
  /** `insecure: true` is set: start, and show it in red. Otherwise the start is refused. */
  readonly allowed: boolean;
}

/**
 * Listeners that others can reach and that ask for no credentials. Those of /metrics and health are exempt: they carry
 * no addresses.
 */
export function unsafeListeners(settings: WrittenSettings, role: Role): UnsafeListener[] {
  const { smtp, smtps, http } = settings.ingress;
  const board = settings.console;
  const unsafe: UnsafeListener[] = [];
  const check = (
    path: string,
    of: { listen: ListenAddress; insecure: boolean },
    open: string | undefined,
  ): void => {
    if (open === undefined || isLoopback(of.listen)) return;
    const owner = path === 'ingress.smtps' ? 'ingress.smtp' : path;
    const message = `${open}, or set ${owner}.insecure: true to start all the same`;
    unsafe.push({ path: `${path}.listen`, listen: formatListen(of.listen), message, allowed: of.insecure });
  };
  if (role === 'up' || role === 'ingress') {
    check('ingress.smtp', smtp, openRelay(smtp));
    if (smtps !== undefined) check('ingress.smtps', { ...smtps, insecure: smtp.insecure }, openRelay(smtp));
    const tokenless = http.tokens.length === 0;
    check(
      'ingress.http',
      http,
      tokenless ? 'anybody may submit mail here; give ingress.http.tokens' : undefined,
    );
  }
  if (role === 'up' || role === 'console') {
    const openBoard = board.login === undefined && board.users.length === 0 && board.proxy === undefined;
    check(
      'console',
      board,
      openBoard
        ? 'anybody may read and delete mail here; give console.users, console.login or console.proxy'
        : undefined,
    );
  }
  return unsafe;
}

/**
 * What makes everybody a trusted client of the SMTP listeners, if anything does. TLS and logins do not help against either;
 * required client certificates do against the first: without one nobody gets as far as MAIL.
 */
function openRelay(smtp: SmtpIngressSettings): string | undefined {
  const isCertified = smtp.tls?.clientCertificates === 'required';
  if (smtp.trustedNetworks?.some(isEverybody) === true && !isCertified) {
    return 'everybody may relay here; narrow ingress.smtp.trustedNetworks';
  }
  return smtp.proxyFrom.some(isEverybody)
    ? 'everybody may claim any address here; narrow ingress.smtp.proxyFrom to your proxies'
    : undefined;
}
