import koffi from 'koffi';
import { KindError, type ErrorKind } from '../base/errors.ts';

/**
 * The one table of C signatures. A wrong one crashes the process, so each is exercised by `native.root.test.ts`.
 * `koffi.errno()` must be read right after a failing call, before anything else runs.
 */
const libc = koffi.load('libc.so.6');

export const native = {
  mount: libc.func('int mount(const char*, const char*, const char*, unsigned long, const char*)'),
  umount2: libc.func('int umount2(const char*, int)'),
  setns: libc.func('int setns(int, int)'),
  unshare: libc.func('int unshare(int)'),
  close: libc.func('int close(int)'),
  // files.ts: paths are NUL-terminated bytes, since file names need not be UTF-8.
  openat2: libc.func('int64_t syscall(int64_t, int, const void*, const void*, size_t)'),
  mkdirat: libc.func('int mkdirat(int, const void*, unsigned int)'),
  mknodat: libc.func('int mknodat(int, const void*, unsigned int, uint64_t)'),
  symlinkat: libc.func('int symlinkat(const void*, int, const void*)'),
  linkat: libc.func('int linkat(int, const void*, int, const void*, int)'),
  unlinkat: libc.func('int unlinkat(int, const void*, int)'),
  renameat: libc.func('int renameat(int, const void*, int, const void*)'),
  readlinkat: libc.func('int64_t readlinkat(int, const void*, _Out_ void*, size_t)'),
  fchownat: libc.func('int fchownat(int, const void*, unsigned int, unsigned int, int)'),
  utimensat: libc.func('int utimensat(int, const void*, const void*, int)'),
  setxattr: libc.func('int setxattr(const void*, const void*, const void*, size_t, int)'),
  getxattr: libc.func('int64_t getxattr(const void*, const void*, _Out_ void*, size_t)'),
  listxattr: libc.func('int64_t listxattr(const void*, _Out_ void*, size_t)'),
};

const kinds: Readonly<Record<number, ErrorKind>> = {
  [koffi.os.errno.ENOENT ?? 2]: 'notFound',
  [koffi.os.errno.EEXIST ?? 17]: 'alreadyExists',
  [koffi.os.errno.EBUSY ?? 16]: 'conflict',
  [koffi.os.errno.EPERM ?? 1]: 'forbidden',
  [koffi.os.errno.EACCES ?? 13]: 'forbidden',
  [koffi.os.errno.EINVAL ?? 22]: 'invalid',
};

/** The error of the system call that just failed: `mount overlay on /x: EINVAL`. */
export function systemError(doing: string, errno: number = koffi.errno()): KindError {
  const name = Object.entries(koffi.os.errno).find(([, code]) => code === errno)?.[0] ?? `errno ${errno}`;
  return new KindError(kinds[errno] ?? 'internal', `${doing}: ${name}`, { details: { errno, code: name } });
}
