/**
 * Small numbers for the logs (MID, ICID, DCID), unique within one Redis. Each process takes them in blocks, ahead of need,
 * so that a message costs no round trip; what is left of a block when the process ends is never used.
 */
import { defineScript, type RedisClient } from './define-script.ts';
import { reserveScript } from './scripts/reserve.ts';

export type NumberSeries = 'mid' | 'icid' | 'dcid';

export interface NumberBlocks {
  /** Next number, counting from 1. Waits for Redis only when a block is used up faster than the next one arrives. */
  next(): Promise<number>;
}

export interface NumberBlocksOptions {
  readonly client: RedisClient;
  readonly series: NumberSeries;
  /** Default 1,000. */
  readonly blockSize?: number;
}

export function createNumberBlocks(options: NumberBlocksOptions): NumberBlocks {
  const blockSize = options.blockSize ?? 1000;
  const reserve = defineScript(options.client, reserveScript);
  let next = 1;
  let last = 0;
  let spare: number | undefined;
  let pending: Promise<void> | undefined;

  async function fetchBlock(): Promise<void> {
    spare = Number(await reserve(`{mw:t}:${options.series}`, '{mw:t}:!none', blockSize));
  }

  function ensureSpare(): Promise<void> {
    if (spare !== undefined) return Promise.resolve();
    pending ??= fetchBlock().finally(() => (pending = undefined));
    return pending;
  }

  return {
    async next() {
      while (next > last) {
        if (spare === undefined) {
          await ensureSpare();
          continue;
        }
        last = spare;
        next = spare - blockSize + 1;
        spare = undefined;
      }
      const number = next++;
      // Fetched when half is used. A failure here is met again, and reported, when the block is needed.
      if (spare === undefined && last - next < blockSize / 2) ensureSpare().catch(() => undefined);
      return number;
    },
  };
}
