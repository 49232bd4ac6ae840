/** Fields that name a file, a host, an address. */
import { isHostName, isIpAddress } from '../addresses.ts';
import { text, type Field } from '../field.ts';

/** Relative paths count from the folder of the settings file. */
export function file(says: string): Field<string> {
  return text({
    expects: 'the path of a file',
    type: 'path',
    accepts: (value) => value.length > 0 && !value.includes('\0'),
    charactersMax: 4096,
    says,
  });
}

export function hostName(says: string): Field<string> {
  return text({ expects: 'a host name', type: 'host name', accepts: isHostName, charactersMax: 253, says });
}

export function ipAddress(says: string): Field<string> {
  return text({
    expects: 'an IP address',
    type: 'IP address',
    accepts: isIpAddress,
    charactersMax: 45,
    says,
  });
}

export function userName(says: string): Field<string> {
  return text({
    expects: 'a user name',
    type: 'text',
    accepts: (value) => value.length > 0,
    charactersMax: 320,
    says,
  });
}

export const dataFolder: Field<string> = text({
  expects: 'the path of a folder',
  type: 'path',
  accepts: (value) => value.length > 0 && !value.includes('\0'),
  charactersMax: 4096,
  initial: './data',
  says: 'Folder of the embedded Redis and other local state; relative to the folder of the settings file.',
});
