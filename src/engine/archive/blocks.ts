import { readSync } from 'node:fs';

/** Part of an open file. The descriptor is good until the next piece is asked for. */
export interface FileRange {
  readonly fd: number;
  readonly offset: number;
  readonly size: number;
}

/** Of a tar: bytes as they are (headers, padding), or a file's data, which nobody has read yet. */
export type Piece = Buffer | FileRange;

/**
 * The bytes of the pieces in blocks, each as full as its memory, file data read straight into them; zeros where a file has ended early.
 * A block is good until the next is asked for, when `take` gives the memory for that: the same again, where the reader is done by then.
 */
export function* blocksOf(pieces: Iterable<Piece>, take: () => Buffer): Generator<Buffer> {
  let block = take();
  let used = 0;
  for (const piece of pieces) {
    const size = Buffer.isBuffer(piece) ? piece.length : piece.size;
    for (let done = 0; done < size;) {
      if (used === block.length) {
        yield block;
        [block, used] = [take(), 0];
      }
      const length = Math.min(size - done, block.length - used);
      if (Buffer.isBuffer(piece)) piece.copy(block, used, done, done + length);
      else readWhole(piece.fd, block.subarray(used, used + length), piece.offset + done);
      used += length;
      done += length;
    }
  }
  if (used > 0) yield block.subarray(0, used);
}

function readWhole(fd: number, target: Buffer, offset: number): void {
  let done = 0;
  while (done < target.length) {
    const read = readSync(fd, target, done, target.length - done, offset + done);
    if (read === 0) break;
    done += read;
  }
  target.fill(0, done);
}
