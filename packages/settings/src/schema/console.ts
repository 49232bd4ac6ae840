/** Settings of the console: its listener, and who may come in. */
import { isNetwork, type ListenAddress } from '../addresses.ts';
import {
  choice,
  constrained,
  flag,
  list,
  optional,
  requiredSection,
  section,
  text,
  whole,
  type Field,
} from '../field.ts';
import { listen } from './listen.ts';
import { file, userName } from './paths.ts';

export interface ConsoleLogin {
  readonly user: string;
  readonly passwordFile?: string | undefined;
  readonly passwordSha256?: string | undefined;
}

/** A viewer reads; an operator also acts. */
export type ConsoleRole = 'viewer' | 'operator';

export interface ConsoleUser {
  readonly name: string;
  readonly passwordHash?: string | undefined;
  readonly passwordHashFile?: string | undefined;
  readonly role: ConsoleRole;
}

export interface ConsoleProxy {
  readonly trustedAddresses: readonly string[];
  readonly userHeader: string;
  readonly rolesHeader?: string | undefined;
  readonly operators: readonly string[];
}

export interface ConsoleSettings {
  readonly listen: ListenAddress;
  readonly login?: ConsoleLogin | undefined;
  readonly users: readonly ConsoleUser[];
  readonly proxy?: ConsoleProxy | undefined;
  readonly boardQueuesMax: number;
  readonly insecure: boolean;
}

const login: Field<ConsoleLogin> = constrained(
  requiredSection<ConsoleLogin>(
    'One user with the role operator (HTTP basic authentication), the short form of `users`.',
    {
      user: userName('User name.'),
      passwordFile: optional(file('File whose first line is the password.')),
      passwordSha256: optional(
        text({
          expects: 'the SHA-256 of the password as 64 hexadecimal digits',
          type: 'SHA-256, hexadecimal',
          accepts: (value) => /^[0-9a-fA-F]{64}$/.test(value),
          charactersMax: 64,
          says: 'SHA-256 of the password, instead of `passwordFile`; without salt, so prefer `users`.',
          secret: true,
        }),
      ),
    },
  ),
  (value) => (value.passwordFile === undefined) !== (value.passwordSha256 === undefined),
  'exactly one of passwordFile and passwordSha256 must be given',
);

const user: Field<ConsoleUser> = constrained(
  requiredSection<ConsoleUser>('Users of the console (HTTP basic authentication).', {
    name: text({
      expects: 'a user name without a colon',
      type: 'text',
      // RFC 7617 section 2: what stands before the first colon is the name.
      accepts: (value) => /^[^:\p{Cc}]+$/u.test(value),
      charactersMax: 320,
      says: 'User name, also in the audit.',
    }),
    passwordHash: optional(
      text({
        expects: 'a hash as `mailwheel password hash` prints it',
        type: 'scrypt hash',
        accepts: (value) => /^\$scrypt\$ln=\d+,r=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/.test(value),
        charactersMax: 300,
        says: 'Salted scrypt hash of the password, from `mailwheel password hash`.',
        secret: true,
      }),
    ),
    passwordHashFile: optional(file('File whose first line is that hash, instead of `passwordHash`.')),
    role: choice(['viewer', 'operator'], {
      initial: 'viewer',
      says: 'A viewer reads; an operator also pauses, retries and deletes.',
    }),
  }),
  (value) => (value.passwordHash === undefined) !== (value.passwordHashFile === undefined),
  'exactly one of passwordHash and passwordHashFile must be given',
);

function headerName(options: { readonly initial?: string; readonly says: string }): Field<string> {
  return text({
    expects: 'the name of a request header',
    type: 'header name',
    accepts: (value) => /^[A-Za-z0-9-]+$/.test(value),
    charactersMax: 100,
    ...options,
  });
}

const proxy: Field<ConsoleProxy> = constrained(
  requiredSection<ConsoleProxy>(
    'A reverse proxy that logs people in (OIDC, SAML, certificates) and says in a header who they are.',
    {
      trustedAddresses: list(
        text({
          expects: 'an IP address or a network such as 10.0.0.0/28',
          type: 'IP address or network',
          accepts: isNetwork,
          charactersMax: 50,
          says: 'Addresses of the proxy; from anywhere else its headers are ignored.',
        }),
        { entriesMax: 100 },
      ),
      userHeader: headerName({
        initial: 'x-forwarded-user',
        says: 'Header with the name of the user; the proxy must replace it, whatever the client sent.',
      }),
      rolesHeader: optional(
        headerName({ says: 'Header with the groups of the user, separated by commas; replaced likewise.' }),
      ),
      operators: list(
        text({
          expects: 'a name',
          type: 'text',
          accepts: (value) => /^[^,\p{Cc}]+$/u.test(value),
          charactersMax: 320,
          says: 'Users who are operators; with `rolesHeader`, groups whose members are. Everybody else is a viewer.',
        }),
        { entriesMax: 1000 },
      ),
    },
  ),
  (value) => value.trustedAddresses.length > 0,
  'trustedAddresses must name the proxy',
);

/** Named so that it does not look like the global `console`. */
export const consoleSection: Field<ConsoleSettings> = section<ConsoleSettings>(
  'The console: hosts, backlog, and the Bull dashboard of the destination queues. `/metrics`, `/livez` and `/readyz` are on the same listener.',
  {
    listen: listen('127.0.0.1:3000', 'Address and port of the console.'),
    login: optional(login),
    users: list(user, { entriesMax: 100 }),
    proxy: optional(proxy),
    boardQueuesMax: whole({
      min: 1,
      max: 1000,
      initial: 20,
      unit: 'queues',
      says: 'Destination queues the dashboard shows at a time: the busiest, and those searched for.',
    }),
    insecure: flag({ initial: false, says: 'Start although a listener outside loopback has no login.' }),
  },
);
