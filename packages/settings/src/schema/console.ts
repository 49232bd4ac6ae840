/** Settings of the console. */
import type { ListenAddress } from '../addresses.ts';
import { constrained, flag, optional, requiredSection, section, text, whole, type Field } from '../field.ts';
import { listen } from './listen.ts';
import { file, userName } from './paths.ts';

export interface ConsoleLogin {
  readonly user: string;
  readonly passwordFile?: string | undefined;
  readonly passwordSha256?: string | undefined;
}

export interface ConsoleSettings {
  readonly listen: ListenAddress;
  readonly login?: ConsoleLogin | undefined;
  readonly boardQueuesMax: number;
  readonly insecure: boolean;
}

const login: Field<ConsoleLogin> = constrained(
  requiredSection<ConsoleLogin>('Login (HTTP basic authentication) to the console.', {
    user: userName('User name.'),
    passwordFile: optional(file('File whose first line is the password.')),
    passwordSha256: optional(
      text({
        expects: 'the SHA-256 of the password as 64 hexadecimal digits',
        type: 'SHA-256, hexadecimal',
        accepts: (value) => /^[0-9a-fA-F]{64}$/.test(value),
        charactersMax: 64,
        says: 'SHA-256 of the password, instead of `passwordFile`.',
        secret: true,
      }),
    ),
  }),
  (value) => (value.passwordFile === undefined) !== (value.passwordSha256 === undefined),
  'exactly one of passwordFile and passwordSha256 must be given',
);

/** Named so that it does not look like the global `console`. */
export const consoleSection: Field<ConsoleSettings> = section<ConsoleSettings>(
  'The console: hosts, backlog, and the Bull dashboard of the destination queues. `/metrics`, `/livez` and `/readyz` are on the same listener.',
  {
    listen: listen('127.0.0.1:3000', 'Address and port of the console.'),
    login: optional(login),
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
