import { KindError } from '../../base/errors.ts';
import { blockSize, type TarType } from './entry.ts';

/** A header block as it stands in the archive: POSIX.1-1988 ustar with GNU's base-256 numbers. */
export interface Header {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds. */
  readonly mtime: number;
  readonly flag: string;
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
}

export const typeOfFlag: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardLink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  S: 'file',
};

export const flagOfType: Readonly<Record<TarType, string>> = {
  file: '0',
  hardLink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** Undefined for a block of zeros (end of archive). */
export function decodeHeader(block: Buffer, position: number): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const sum = checksum(block);
  if (number(block, 148, 8) !== sum) throw new KindError('invalid', `not a tar archive: wrong header checksum at byte ${position}`);
  const name = text(block, 0, 100);
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? text(block, 345, 155) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8) & 0o7777,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtime: number(block, 136, 12),
    flag: String.fromCharCode(block[156] ?? 0),
    linkName: text(block, 157, 100),
    major: number(block, 329, 8),
    minor: number(block, 337, 8),
  };
}

/** Names longer than 100 bytes and numbers that do not fit are cut: the writer puts those into PAX records. */
export function encodeHeader(header: Header): Buffer {
  const block = Buffer.alloc(blockSize);
  block.write(header.name.slice(0, 100), 0, 'latin1');
  octal(block, 100, 8, header.mode);
  octal(block, 108, 8, header.uid);
  octal(block, 116, 8, header.gid);
  octal(block, 124, 12, header.size);
  octal(block, 136, 12, Math.max(0, header.mtime));
  block.write(header.flag, 156, 'latin1');
  block.write(header.linkName.slice(0, 100), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(block, 329, 8, header.major);
  octal(block, 337, 8, header.minor);
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export function fitsOctal(value: number, width: number): boolean {
  return value >= 0 && value < 8 ** (width - 1);
}

/** Text up to the first NUL. */
export function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return block.toString('latin1', start, end < 0 || end > start + length ? start + length : end);
}

/** Octal digits, or base-256 big-endian when the first bit is set. */
export function number(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if ((first & 0x80) !== 0) {
    const value = block.readBigInt64BE(start + length - 8);
    // 0xff starts a negative number; of 0x80 the first bit is only the mark.
    return Number(length === 8 && first !== 0xff ? value & 0x7fffffffffffffffn : value);
  }
  const clean =
    block
      .toString('latin1', start, start + length)
      .trimStart()
      .split(/[\0 ]/, 1)[0] ?? '';
  if (clean === '') return 0;
  if (!/^[0-7]+$/.test(clean)) throw new KindError('invalid', `not a tar archive: "${clean}" is not an octal number`);
  return Number.parseInt(clean, 8);
}

function octal(block: Buffer, start: number, length: number, value: number): void {
  const digits = fitsOctal(value, length) ? value.toString(8) : '0';
  block.write(`${digits.padStart(length - 1, '0')}\0`, start, 'latin1');
}

/** Sum of all bytes with the checksum field read as spaces. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < blockSize; index++) if (index < 148 || index >= 156) sum += block[index] ?? 0;
  return sum;
}
