/** Making events fit for a line: every string in them is shortened and its control characters are escaped. */
import { printable } from '@mailwheel/envelope';

/** Longest string of an event that is written, in characters. A stack is longer than a reply. */
export const loggedTextMax = 1000;
const stackMax = 8000;

/**
 * A copy in which no string can break a line, move a cursor or hide text. Applied where events enter the logger and not
 * where they are made: one place, so that no writer of an event can forget it.
 */
export function fitForLog<T extends object>(event: T): T {
  const fit: Record<string, unknown> = {};
  for (const key in event) fit[key] = fitValue(event[key], key);
  return fit as T;
}

function fitValue(value: unknown, key: string): unknown {
  if (typeof value === 'string') return key === 'stack' ? fitStack(value) : printable(value, loggedTextMax);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return typeof value[0] === 'number' ? value : value.map((item: unknown) => fitValue(item, ''));
  }
  return fitForLog(value);
}

/** The lines of a stack are kept apart: they are ours, and JSON escapes the line ends. */
function fitStack(stack: string): string {
  return stack
    .slice(0, stackMax)
    .split('\n')
    .map((line) => printable(line, loggedTextMax))
    .join('\n');
}
