/**
 * Streams without a terminal carry stdout and stderr in frames:
 *
 *   [stream 1=stdout 2=stderr][0][0][0][length, 4 bytes big-endian][data]
 */
export function frame(stream: 'stdout' | 'stderr', data: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(8 + data.length);
  framed.writeUInt32BE(stream === 'stdout' ? 0x01000000 : 0x02000000, 0);
  framed.writeUInt32BE(data.length, 4);
  framed.set(data, 8);
  return framed;
}

export const streamTypes = {
  raw: 'application/vnd.docker.raw-stream',
  multiplexed: 'application/vnd.docker.multiplexed-stream',
} as const;
