/**
 * Requests that change something must come from a page of the console itself. The browser adds a basic login to requests that
 * any other page makes; what other pages cannot forge are `Origin` and `Sec-Fetch-Site`.
 */
import { isLoopback } from '@mailwheel/settings';

export interface RequestHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly 'sec-fetch-site'?: string | string[] | undefined;
}

/** Nothing that only reads changes anything, so these may come from anywhere. */
export const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Why the request is refused; undefined: it is not. A request that says nothing of its origin comes from no browser of today;
 * it is refused as well, and a script says `Origin: http://<host>`.
 */
export function crossOriginProblem(method: string, headers: RequestHeaders): string | undefined {
  if (readingMethods.has(method)) return undefined;
  const { host, origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return 'the request comes from another site';
  if (origin !== undefined)
    return hostOf(origin) === host ? undefined : 'the request comes from a page of another origin';
  return site === 'same-origin' ? undefined : 'the request does not say where it comes from';
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/**
 * Without a login only the loopback address protects the console, and a page whose name resolves to 127.0.0.1 (DNS
 * rebinding) would be of its origin. So the name must be one of this machine.
 */
export function isLocalName(host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  return isLoopback({ host: new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, ''), port: 0 });
}
