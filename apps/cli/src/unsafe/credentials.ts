/** Who must say who they are, and how what they say is protected on its way. */
import { isLoopback, type ListenAddress, type Settings } from '@mailwheel/settings';
import { freeBits, isLoopbackNetwork } from './networks.ts';
import { note, unsafe, type Warning } from './warning.ts';

/** A proxy has a handful of addresses; a network above this many has others in it. */
const proxyFreeBitsMax = 8;

export function credentialWarnings(settings: Settings): Warning[] {
  return [
    ...tokens(settings),
    ...nextHopLogins(settings),
    ...redis(settings),
    ...consoleLogin(settings),
    ...consoleProxy(settings),
  ];
}

function tokens({ ingress }: Settings): Warning[] {
  return ingress.http.tokens.flatMap(({ name, from }, at) =>
    from === undefined || from.length === 0 || from.some((pattern) => /^[*@]+$/.test(pattern))
      ? [
          unsafe(
            `ingress.http.tokens[${at}].from`,
            `The token "${name}" may send in everybody's name: list the addresses that it needs.`,
          ),
        ]
      : [],
  );
}

function nextHopLogins({ nextHops, delivery }: Settings): Warning[] {
  return Object.entries(nextHops).flatMap(([host, { auth, tls }]) => {
    if (auth === undefined) return [];
    const level = tls ?? (host.endsWith(':465') ? 'implicit' : delivery.tls);
    const path = `nextHops."${host}".tls`;
    switch (level) {
      case 'none':
        return [
          unsafe(
            path,
            'It is "none" beside a login, so that the password travels unencrypted: say "verify".',
          ),
        ];
      // Neither sends a password without TLS (packages/delivery, opening), and neither checks who is at the other end.
      case 'opportunistic':
      case 'require':
        return [
          unsafe(
            path,
            `It is "${level}" beside a login, which checks no certificate, so that whoever answers in its place gets the password: say "verify".`,
          ),
        ];
      case 'verify':
      case 'implicit':
        return [];
    }
  });
}

function redis({ redis: of }: Settings): Warning[] {
  const warnings: Warning[] = [];
  const url = of.url === undefined || !URL.canParse(of.url) ? undefined : new URL(of.url);
  if (url !== undefined && url.password !== '') {
    warnings.push(
      unsafe(
        'redis.url',
        'It holds a password, which whoever reads this file has: put it into redis.passwordFile.',
      ),
    );
  }
  const addresses: readonly ListenAddress[] =
    url === undefined
      ? ((of.sentinel ?? of.cluster)?.addresses ?? [])
      : [{ host: url.hostname.replace(/^\[|\]$/g, '') || 'localhost', port: 0 }];
  const isRemote = addresses.some((address) => !isLoopback(address));
  if (!isRemote) return warnings;
  if (of.tls === undefined && url?.protocol !== 'rediss:') {
    warnings.push(
      unsafe(
        of.url === undefined ? 'redis.tls' : 'redis.url',
        'Mail and password travel unencrypted to a Redis on another machine: use rediss:// or redis.tls.',
      ),
    );
  }
  if (of.passwordFile === undefined && (url === undefined || url.password === '')) {
    warnings.push(
      unsafe(
        'redis.passwordFile',
        'A Redis on another machine is used without a password: whoever reaches it has all mail.',
      ),
    );
  }
  return warnings;
}

function consoleLogin({ console: board }: Settings): Warning[] {
  const { login, users, proxy, listen } = board;
  // Beyond loopback it is an open listener, which is said elsewhere.
  if (login === undefined && users.length === 0 && proxy === undefined && isLoopback(listen)) {
    return [
      note(
        'console.users',
        'There is no login: every user and every program of this machine may read addresses and delete mail.',
      ),
    ];
  }
  return login?.passwordSha256 === undefined
    ? []
    : [
        unsafe(
          'console.login.passwordSha256',
          'A SHA-256 without salt is guessed a thousand million times a second: use console.users with a hash from "mailwheel password hash".',
        ),
      ];
}

function consoleProxy({ console: { proxy } }: Settings): Warning[] {
  return (proxy?.trustedAddresses ?? []).flatMap((network, at) => {
    const path = `console.proxy.trustedAddresses[${at}]`;
    if (isLoopbackNetwork(network)) {
      return [
        note(path, 'Every program of this machine may say that it is the proxy, and whom it logged in.'),
      ];
    }
    return freeBits(network) <= proxyFreeBitsMax
      ? []
      : [
          unsafe(
            path,
            `Each of the 2^${freeBits(network)} addresses of ${network} may say whom it logged in: name those of the proxy.`,
          ),
        ];
  });
}
