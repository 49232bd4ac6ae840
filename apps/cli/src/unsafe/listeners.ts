/** What others reach: listeners without credentials or without TLS, and whom the SMTP listeners trust by address. */
import { formatListen, isLoopback, unsafeListeners, type Settings } from '@mailwheel/settings';
import { freeBits, isPrivate } from './networks.ts';
import { note, unsafe, type Warning } from './warning.ts';

/** A public network above this many addresses (IPv4 /24, IPv6 /64) is hardly one's own. */
const publicFreeBitsMax = { ipv4: 8, ipv6: 64 } as const;

export function listenerWarnings(settings: Settings): Warning[] {
  return [
    ...open(settings),
    ...insecureFlags(settings),
    ...wide(
      'ingress.smtp.trustedNetworks',
      settings.ingress.smtp.trustedNetworks,
      'relay through us to anybody',
    ),
    ...wide('ingress.smtp.proxyFrom', settings.ingress.smtp.proxyFrom, 'claim to be any client'),
    ...withoutTls(settings),
  ];
}

/** Those that refuse to start unless `insecure` says otherwise, which it does, or the settings would be no good. */
function open(settings: Settings): Warning[] {
  return unsafeListeners(settings, 'up').map(({ path, listen, message }) =>
    unsafe(
      path,
      `${listen} is open to others: ${message.replace(/, or set \S+ to start all the same$/, '')}.`,
    ),
  );
}

function insecureFlags({ ingress, console: board }: Settings): Warning[] {
  const owners = [
    ['ingress.smtp', ingress.smtp],
    ['ingress.http', ingress.http],
    ['console', board],
  ] as const;
  return owners
    .filter(([, { insecure }]) => insecure)
    .map(([path, { listen }]) =>
      isLoopback(listen)
        ? note(
            `${path}.insecure`,
            'It does nothing on loopback, and the day the address changes nothing will stop the start: take it out.',
          )
        : unsafe(
            `${path}.insecure`,
            `${formatListen(listen)} starts whatever protects it: take it out, and give the listener credentials.`,
          ),
    );
}

function wide(path: string, networks: readonly string[], what: string): Warning[] {
  return networks.flatMap((network, at) => {
    const bits = freeBits(network);
    const max = network.includes(':') ? publicFreeBitsMax.ipv6 : publicFreeBitsMax.ipv4;
    if (isPrivate(network) || bits <= max) return [];
    return [
      unsafe(
        `${path}[${at}]`,
        `Each of the 2^${bits} public addresses of ${network} may ${what}: name the machines that should.`,
      ),
    ];
  });
}

function withoutTls({ ingress, console: board }: Settings): Warning[] {
  const warnings: Warning[] = [];
  if (!isLoopback(ingress.http.listen) && ingress.http.tokens.length > 0)
    warnings.push(
      note('ingress.http.listen', 'Tokens and mail travel unencrypted here: put a proxy with TLS before it.'),
    );
  if (!isLoopback(ingress.smtp.listen) && ingress.smtp.tls === undefined)
    warnings.push(
      note(
        'ingress.smtp.tls',
        'Mail travels unencrypted here, for STARTTLS is not offered: give a certificate.',
      ),
    );
  const byPassword = board.login !== undefined || board.users.length > 0;
  if (!isLoopback(board.listen) && byPassword)
    warnings.push(
      note('console.listen', 'Passwords travel unencrypted here: put a proxy with TLS before it.'),
    );
  return warnings;
}
