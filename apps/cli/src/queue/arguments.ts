/** What operators write behind `mailwheel queue`: destinations, message ids, numbers. */
import { destinationKey, parseMessageId, type DestinationKey, type MessageId } from '@mailwheel/envelope';
import { UsageError } from '../command.ts';

export type Subject =
  | { readonly kind: 'message'; readonly id: MessageId }
  | { readonly kind: 'destination'; readonly destination: DestinationKey };

/** A message id is told by its form; anything else must be a domain. Throws `UsageError`. */
export function subjectOf(text: string): Subject {
  const id = parseMessageId(text);
  return id === undefined
    ? { kind: 'destination', destination: destinationOf(text) }
    : { kind: 'message', id };
}

/** A domain or address literal as operators write it: `Example.com.`, `user@example.com`. Throws `UsageError`. */
export function destinationOf(text: string): DestinationKey {
  const result = destinationKey(text.slice(text.lastIndexOf('@') + 1));
  if (!result.ok) throw new UsageError(`"${text}" names no destination: ${result.text}`);
  return result.key;
}

/** Undefined when the option was not given. Throws `UsageError` for anything but a whole number above 0. */
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${option}: expected a whole number above 0, got "${text}"`);
  return value;
}
