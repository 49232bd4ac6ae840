/** The field of every listener. */
import { parseListen, type ListenAddress } from '../addresses.ts';
import { parsedText, type Field } from '../field.ts';

export function listen(initial: string, says: string): Field<ListenAddress> {
  return parsedText({
    expects: 'host:port or [IPv6]:port',
    type: 'host:port',
    charactersMax: 300,
    parse: parseListen,
    initial,
    says,
  });
}
