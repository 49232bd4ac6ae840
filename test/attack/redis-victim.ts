/**
 * The Redis of an attack: always the same folder and port, `appendfsync always`. It can be killed, frozen, restarted, made to
 * refuse writes, and its disk filled; it is always brought back.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { startRedis, type TestRedis } from '@mailwheel/testkit';

const maxmemory = '768mb';
/** Of the disk that can be filled. */
const smallDiskMegabytes = 768;
const refusedAtStartMax = 10;

export class RedisVictim {
  readonly #port: number;
  readonly #folder: string;
  readonly #mounted: boolean;
  /** Told when the server ended though nobody had asked. */
  readonly #onEnd: (code: number | null) => void;
  #server: TestRedis | undefined;
  #client: ReturnType<TestRedis['client']> | undefined;
  #asked = false;
  #unmounted = false;

  private constructor(
    at: { port: number; folder: string; mounted: boolean },
    onEnd: (code: number | null) => void,
  ) {
    this.#port = at.port;
    this.#folder = at.folder;
    this.#mounted = at.mounted;
    this.#onEnd = onEnd;
  }

  /** `smallDisk` is wanted, not promised: mounting needs rights that a container often lacks. */
  static async start(
    at: { readonly port: number; readonly folder: string; readonly smallDisk: boolean },
    onEnd: (code: number | null) => void,
  ): Promise<RedisVictim> {
    const folder = join(at.folder, 'redis');
    mkdirSync(folder, { recursive: true });
    const mounted = at.smallDisk && mountSmallDisk(folder);
    const victim = new RedisVictim({ port: at.port, folder, mounted }, onEnd);
    await victim.up();
    return victim;
  }

  get diskCanBeFilled(): boolean {
    return this.#mounted;
  }

  get running(): boolean {
    return this.#server !== undefined;
  }

  async up(): Promise<void> {
    if (this.#server !== undefined) return;
    for (let tries = 1; ; tries += 1) {
      try {
        this.#server = await startRedis({
          port: this.#port,
          folder: this.#folder,
          arguments: [
            ['--appendfsync', 'always'],
            ['--maxmemory', maxmemory],
            ['--auto-aof-rewrite-min-size', '48mb'],
          ].flat(),
        });
        break;
      } catch (cause) {
        if (tries >= refusedAtStartMax) throw cause;
        await pause(300);
      }
    }
    const server = this.#server;
    this.#asked = false;
    this.#client = server.client();
    server.process.once('exit', (code) => {
      this.#server = undefined;
      this.#client?.disconnect();
      if (!this.#asked) this.#onEnd(code);
    });
  }

  /** SIGKILL, or SIGTERM for an orderly restart; resolves when it is gone. */
  async down(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#asked = true;
    const gone = once(server.process, 'exit');
    server.process.kill(signal);
    await gone;
  }

  freeze(): void {
    this.#server?.process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#server?.process.kill('SIGCONT');
  }

  /** From now on, until `unfull`, whatever needs memory is refused. */
  async full(): Promise<void> {
    await this.#config('1mb');
  }

  async unfull(): Promise<void> {
    await this.#config(maxmemory);
  }

  /** Nothing can be written to its disk any more; Redis then ends by itself (`appendfsync always`). */
  fillDisk(): void {
    const block = Buffer.alloc(1_048_576, 1);
    const ballast = openSync(this.#ballast, 'w');
    try {
      for (;;) writeSync(ballast, block);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
    } finally {
      closeSync(ballast);
    }
  }

  emptyDisk(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Messages with open recipients; undefined while Redis does not answer. */
  async backlog(shards: number): Promise<number | undefined> {
    const keys = Array.from({ length: shards }, (_, shard) => `{mw${shard}}:!backlog`);
    const counts = await this.#ask((client) => client.mget(keys));
    return counts?.reduce((sum, count) => sum + Number(count), 0);
  }

  /** For the end of the attack: what is left of it is gone when this returns. */
  abandon(): void {
    this.#asked = true;
    this.#server?.process.kill('SIGKILL');
    if (this.#mounted && !this.#unmounted) execFileSync('umount', ['-l', this.#folder]);
    this.#unmounted = true;
  }

  get #ballast(): string {
    return join(this.#folder, 'ballast');
  }

  async #config(value: string): Promise<void> {
    await this.#ask((client) => client.config('SET', 'maxmemory', value));
  }

  /** Undefined: no answer, for whatever reason; it is an attack. */
  async #ask<T>(question: (client: ReturnType<TestRedis['client']>) => Promise<T>): Promise<T | undefined> {
    const client = this.#client;
    if (client === undefined || this.#server === undefined) return undefined;
    return Promise.race([question(client).catch(() => undefined), pause(1_000).then(() => undefined)]);
  }
}

function mountSmallDisk(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${smallDiskMegabytes}m`, 'tmpfs', folder], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
