/** One member of a tar archive, whatever the dialect it was written in. Names and attribute values are byte strings (see kernel/files.ts). */
export interface TarEntry {
  readonly name: string;
  readonly type: TarType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the file as it is on disk (of a sparse file: with its holes). */
  readonly size: number;
  readonly mtimeNs: bigint;
  /** Target of a symlink; name of the first link for a hard link. */
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
  readonly attributes: Readonly<Record<string, string>>;
}

export type TarType = 'file' | 'hardLink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo';

/** Where data of a sparse file lies; everything else is a hole. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

export const blockSize = 512;

/** Zero bytes after `size` bytes up to the next block. */
export function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}
