/** How many connections are open, in all and for each client address. */
export class ConnectionCounts {
  #open = 0;
  readonly #byAddress = new Map<string, number>();
  readonly #onChange: (change: 1 | -1) => void;

  constructor(onChange: (change: 1 | -1) => void) {
    this.#onChange = onChange;
  }

  get open(): number {
    return this.#open;
  }

  /** Counts a connection and tells the counts with it. */
  enter(address: string): { readonly open: number; readonly openFromAddress: number } {
    const openFromAddress = (this.#byAddress.get(address) ?? 0) + 1;
    this.#byAddress.set(address, openFromAddress);
    this.#open++;
    this.#onChange(1);
    return { open: this.#open, openFromAddress };
  }

  leave(address: string): void {
    const left = (this.#byAddress.get(address) ?? 0) - 1;
    this.#open--;
    this.#onChange(-1);
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
