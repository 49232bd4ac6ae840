/**
 * Reads a route table: one route a line, `key whitespace host, host, ...`, `#` starts a comment. A table is taken whole
 * or not at all: any fault gives the list of faults (at most 20) with line and column, so that an operator repairs a file
 * in one go while the old table stays in force.
 */
import { destinationKey, printable } from '@mailwheel/envelope';
import { parseHost } from './host.ts';
import { indexRoutes, routesMax } from './table.ts';
import type { RouteTable } from './table.ts';
import type { Route, RouteHost, RouteTarget } from './types.ts';

/** More would not help anybody to find the first. */
export const routeErrorsMax = 20;
/** Hosts of one route; an attempt asks at most 20 of them. */
export const hostsPerRouteMax = 100;

export interface RouteError {
  /** Both count from 1; columns in UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
  /** One sentence without a full stop. */
  readonly message: string;
}

export type RoutesResult =
  | { readonly ok: true; readonly table: RouteTable }
  | { readonly ok: false; readonly errors: readonly RouteError[] };

const discardKeyword = '/dev/null';
const dnsKeyword = 'USEDNS';
const defaultKeyword = 'ALL';

/** Parses a whole table. Linear in its size; 40,000 routes take a fraction of a second. */
export function parseRoutes(text: string): RoutesResult {
  const routes: Route[] = [];
  const lineOf = new Map<string, number>();
  const errors: RouteError[] = [];
  const lines = text.replace(/^\ufeff/, '').split('\n');
  for (const [index, raw] of lines.entries()) {
    const reader = new LineReader(raw, index + 1);
    const route = reader.read();
    if (reader.errors.length > 0) errors.push(...reader.errors.slice(0, routeErrorsMax));
    if (route !== undefined) {
      const first = lineOf.get(route.key);
      if (first === undefined) lineOf.set(route.key, route.line);
      else
        errors.push(reader.errorAt(reader.keyColumn, `${route.key} has a route already, in line ${first}`));
      if (routes.length === routesMax) {
        errors.push(reader.errorAt(reader.keyColumn, `more than ${routesMax} routes`));
        break;
      }
      routes.push(route);
    }
    if (errors.length >= routeErrorsMax) break;
  }
  if (errors.length > 0) return { ok: false, errors: errors.slice(0, routeErrorsMax) };
  return { ok: true, table: indexRoutes(routes) };
}

/** `line 3, column 14: ...`, as every message about a route table starts. */
export function formatRouteError(error: RouteError): string {
  return `line ${error.line}, column ${error.column}: ${error.message}`;
}

/** The keyword that was written or meant. */
function keywordOf(text: string): string | undefined {
  if (text.length !== discardKeyword.length && text.length !== dnsKeyword.length) return undefined;
  return [discardKeyword, dnsKeyword].find((word) => text.toLowerCase() === word.toLowerCase());
}

/** One line: what stands where, and what is wrong with it. */
class LineReader {
  readonly errors: RouteError[] = [];
  readonly #text: string;
  readonly #line: number;
  keyColumn = 1;

  constructor(raw: string, line: number) {
    const comment = raw.indexOf('#');
    this.#text = (comment < 0 ? raw : raw.slice(0, comment)).trimEnd();
    this.#line = line;
  }

  errorAt(column: number, message: string): RouteError {
    return { line: this.#line, column, message };
  }

  /** The route, or undefined when the line is empty or at fault. */
  read(): Route | undefined {
    const match = /^([ \t]*)([^ \t]+)([ \t]*)/.exec(this.#text);
    if (match === null) return undefined;
    const [whole, indent = '', written = ''] = match;
    this.keyColumn = indent.length + 1;
    const key = this.#key(written);
    const target = this.#target(whole.length);
    return key === undefined || target === undefined ? undefined : { key, target, line: this.#line };
  }

  #fault(column: number, message: string): undefined {
    this.errors.push(this.errorAt(column, message));
  }

  #key(written: string): string | undefined {
    if (written === defaultKeyword) return written;
    if (written.toUpperCase() === defaultKeyword) {
      return this.#fault(this.keyColumn, `write ${defaultKeyword} in capitals for the default route`);
    }
    const dot = written.startsWith('.') ? '.' : '';
    const key = written.startsWith('.[') ? undefined : destinationKey(written.slice(dot.length));
    if (key?.ok === true) return `${dot}${key.key}`;
    const why = key === undefined ? 'an address literal has no subdomains' : key.text;
    return this.#fault(
      this.keyColumn,
      `"${printable(written, 60)}" is not a domain, .domain, [address] or ${defaultKeyword}: ${why}`,
    );
  }

  #target(start: number): RouteTarget | undefined {
    const list = this.#text.slice(start);
    if (list === '') return this.#fault(this.#text.length + 1, 'the destination of the route is missing');
    if (list === discardKeyword) return { kind: 'discard' };
    if (list === dnsKeyword) return { kind: 'dns' };
    const hosts: RouteHost[] = [];
    let column = start + 1;
    for (const item of list.split(',')) {
      const host = this.#host(item, column);
      if (host !== undefined) hosts.push(host);
      column += item.length + 1;
    }
    if (hosts.length > hostsPerRouteMax) {
      return this.#fault(
        start + 1,
        `the route has ${hosts.length} hosts, at most ${hostsPerRouteMax} are allowed`,
      );
    }
    return this.errors.length > 0 ? undefined : { kind: 'hosts', hosts };
  }

  #host(item: string, column: number): RouteHost | undefined {
    const text = item.trim();
    const at = column + (text === '' ? 0 : item.length - item.trimStart().length);
    if (text === '') return this.#fault(at, 'a host is missing beside the comma');
    const keyword = keywordOf(text);
    if (keyword !== undefined) {
      return this.#fault(
        at,
        text === keyword ? `${keyword} stands alone, without other hosts` : `write ${keyword} exactly so`,
      );
    }
    const parsed = parseHost(text);
    return parsed.ok ? parsed.host : this.#fault(at + parsed.offset, parsed.message);
  }
}
