/**
 * Slot of a key in a Redis Cluster: CRC16 (XMODEM) of its hash tag, or of the whole key without one, modulo 16,384 (Redis
 * Cluster specification, "Hash tags"). Written out because the package that ioredis uses for it brings no types.
 */
const slots = 16_384;
const polynomial = 0x1021;

export function slotOf(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashed(key))) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ polynomial : crc << 1;
  }
  return (crc & 0xffff) % slots;
}

/** What stands between the first `{` and the next `}`, unless that is nothing. */
function hashed(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open < 0 || close < 0 || close === open + 1 ? key : key.slice(open + 1, close);
}
