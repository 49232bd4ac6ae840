/** How many connections are open, in all and for each client address. */
export class ConnectionCounts {
  #open = 0;
  readonly #byAddress = new Map<string, number>();

  get open(): number {
    return this.#open;
  }

  /** Counts a connection and tells the counts with it. */
  enter(address: string): { readonly open: number; readonly openFromAddress: number } {
    const openFromAddress = (this.#byAddress.get(address) ?? 0) + 1;
    this.#byAddress.set(address, openFromAddress);
    this.#open++;
    return { open: this.#open, openFromAddress };
  }

  leave(address: string): void {
    const left = (this.#byAddress.get(address) ?? 0) - 1;
    this.#open--;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
