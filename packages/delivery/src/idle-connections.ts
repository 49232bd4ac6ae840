/**
 * Connections that wait for their next transaction, by host. The one used last is taken first, so that the others run into
 * their idle limit and a quiet host keeps few.
 */
import type { HostConnection } from './connection.ts';

export class IdleConnections {
  readonly #byHost = new Map<string, HostConnection[]>();
  readonly #warm = new Set<string>();

  /** Hosts with an idle connection: always current, made anew for nobody. */
  get warm(): ReadonlySet<string> {
    return this.#warm;
  }

  add(connection: HostConnection): void {
    const { key } = connection.facts.host;
    const stack = this.#byHost.get(key);
    if (stack !== undefined) stack.push(connection);
    else {
      this.#byHost.set(key, [connection]);
      this.#warm.add(key);
    }
  }

  /** The connection used last, which is no longer idle then. */
  take(hostKey: string): HostConnection | undefined {
    const stack = this.#byHost.get(hostKey);
    while (stack !== undefined && stack.length > 0) {
      const connection = stack.pop()!;
      if (stack.length === 0) this.#forget(hostKey);
      // Its end may have been seen by Node and not yet told.
      if (connection.usable) return connection;
      connection.destroy();
    }
    return undefined;
  }

  remove(connection: HostConnection): void {
    const { key } = connection.facts.host;
    const stack = this.#byHost.get(key);
    const at = stack?.indexOf(connection) ?? -1;
    if (stack === undefined || at < 0) return;
    stack.splice(at, 1);
    if (stack.length === 0) this.#forget(key);
  }

  all(): HostConnection[] {
    return [...this.#byHost.values()].flat();
  }

  #forget(hostKey: string): void {
    this.#byHost.delete(hostKey);
    this.#warm.delete(hostKey);
  }
}
