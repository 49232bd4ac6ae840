/** Loopback ports for what a benchmark starts. */
import { freePort } from '@mailwheel/testkit';

/** As many different ports as asked for, all free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}
