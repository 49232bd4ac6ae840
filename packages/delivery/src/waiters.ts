/** Those who wait for a connection to become free, first come first served. */

interface Waiter {
  readonly hostKeys: readonly string[];
  readonly wake: () => void;
}

export class Waiters {
  readonly #byHost = new Map<string, Set<Waiter>>();

  /** Resolves when one of these hosts is announced, or after the time-out. */
  wait(hostKeys: readonly string[], timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#leave(waiter);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      const waiter: Waiter = { hostKeys, wake };
      for (const key of hostKeys) {
        const queue = this.#byHost.get(key);
        if (queue === undefined) this.#byHost.set(key, new Set([waiter]));
        else queue.add(waiter);
      }
    });
  }

  /** Something became free at this host. One waiter is told: there is one connection, and the others would race in vain. */
  announce(hostKey: string): void {
    const first = this.#byHost.get(hostKey)?.values().next();
    if (first?.done === false) first.value.wake();
  }

  announceAll(): void {
    for (const queue of this.#byHost.values()) for (const waiter of queue) waiter.wake();
  }

  #leave(waiter: Waiter): void {
    for (const key of waiter.hostKeys) {
      const queue = this.#byHost.get(key);
      queue?.delete(waiter);
      if (queue?.size === 0) this.#byHost.delete(key);
    }
  }
}
