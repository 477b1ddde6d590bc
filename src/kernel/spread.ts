import { closeSync, constants, openSync } from 'node:fs';
import { native } from './native.ts';

const getFlags = 0x80086601n;
const setFlags = 0x40086602n;
const topOfHierarchy = 0x0002_0000;

/**
 * ext4 puts the directories made in this one far from each other (`chattr +T`), so that trees which come and go do
 * not contend for one part of the disk. False where the file system knows no such thing; nothing is lost then.
 *
 *   ioctl(2) FS_IOC_GETFLAGS, FS_IOC_SETFLAGS: the kernel reads and writes an int whatever the size in the number says
 */
export function spreadDirectoriesOf(path: string): boolean {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const flags = Buffer.alloc(8);
    if (native.ioctl(fd, getFlags, flags) !== 0) return false;
    flags.writeUInt32LE((flags.readUInt32LE() | topOfHierarchy) >>> 0);
    return native.ioctl(fd, setFlags, flags) === 0;
  } finally {
    closeSync(fd);
  }
}
