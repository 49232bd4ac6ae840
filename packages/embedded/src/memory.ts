/** How much memory the embedded Redis may use. */
import { totalmem } from 'node:os';

/** A third of this machine's memory, or of the container's limit when that is lower; whole bytes. */
export function thirdOfMemoryBytes(
  totalBytes: number = totalmem(),
  constrainedBytes: number = process.constrainedMemory(),
): number {
  // Without a limit Node reports 0 or a number beyond any machine, depending on the cgroup version.
  const limitBytes = constrainedBytes > 0 ? Math.min(totalBytes, constrainedBytes) : totalBytes;
  return Math.floor(limitBytes / 3);
}
