/** Access time left alone (UTIME_OMIT), modification time in nanoseconds since 1970. */
export function timespecs(mtimeNs: bigint): Buffer {
  const buffer = Buffer.alloc(32);
  buffer.writeBigInt64LE(0x3ffffffen, 8);
  const nanoseconds = ((mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  buffer.writeBigInt64LE((mtimeNs - nanoseconds) / 1_000_000_000n, 16);
  buffer.writeBigInt64LE(nanoseconds, 24);
  return buffer;
}
