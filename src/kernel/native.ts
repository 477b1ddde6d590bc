import koffi, { type KoffiFunc } from 'koffi';
import { KindError, type ErrorKind } from '../base/errors.ts';

const libc = koffi.load('libc.so.6');

/** What locks of the JavaScript engine leave behind in a thread's errno, over what a call has left there. */
const leftByLocks: ReadonlySet<number> = new Set([koffi.os.errno.EAGAIN ?? 11, koffi.os.errno.ETIMEDOUT ?? 110]);
const mostTries = 3;
let failedWith = 0;

/**
 * Keeps errno of a call that failed before anything else runs. Collecting garbage takes locks, which set errno too: a call
 * that seems to have failed for these is made again, since a call that failed has done nothing.
 */
export function kept<F extends KoffiFunc<(...args: never[]) => number | bigint>>(call: F): F {
  const keeping = (...args: unknown[]): number | bigint => {
    for (let tries = 1; ; tries += 1) {
      const result = (call as unknown as (...all: unknown[]) => number | bigint)(...args);
      if (result >= 0) return result;
      failedWith = koffi.errno();
      if (tries === mostTries || !leftByLocks.has(failedWith)) return result;
    }
  };
  return Object.assign(keeping, { async: call.async }) as unknown as F;
}

/** The one table of C signatures. A wrong one crashes the process, so each is exercised by the root test of its door. */
export const native = {
  // mounts
  mount: kept(libc.func('int mount(const char*, const char*, const char*, unsigned long, const char*)')),
  umount2: kept(libc.func('int umount2(const char*, int)')),
  /** Only for calls without a wrapper in older C libraries: number, then five arguments, the third a buffer. */
  mountSetattr: kept(libc.func('syscall', 'long', ['long', 'int', 'const char*', 'unsigned int', 'const void*', 'size_t'])),
  chdir: kept(libc.func('int chdir(const char*)')),
  // namespaces
  setns: kept(libc.func('int setns(int, int)')),
  unshare: kept(libc.func('int unshare(int)')),
  sethostname: kept(libc.func('int sethostname(const char*, size_t)')),
  // descriptors
  close: kept(libc.func('int close(int)')),
  syncfs: kept(libc.func('int syncfs(int)')),
  pipe2: kept(libc.func('int pipe2(_Out_ int*, int)')),
  // sockets
  socket: kept(libc.func('int socket(int, int, int)')),
  bind: kept(libc.func('int bind(int, const void*, unsigned int)')),
  listen: kept(libc.func('int listen(int, int)')),
  getsockname: kept(libc.func('int getsockname(int, _Out_ void*, _Inout_ unsigned int*)')),
  connect: kept(libc.func('int connect(int, const void*, unsigned int)')),
  send: kept(libc.func('int64_t send(int, const void*, size_t, int)')),
  recv: kept(libc.func('int64_t recv(int, _Out_ void*, size_t, int)')),
  shutdown: kept(libc.func('int shutdown(int, int)')),
  getsockopt: kept(libc.func('int getsockopt(int, int, int, _Out_ void*, _Inout_ unsigned int*)')),
  setsockopt: kept(libc.func('int setsockopt(int, int, int, const void*, unsigned int)')),
  // processes
  posixSpawn: kept(libc.func('int posix_spawn(_Out_ int*, const char*, void*, void*, const char**, const char**)')),
  spawnActionsInit: kept(libc.func('int posix_spawn_file_actions_init(void*)')),
  spawnActionsDestroy: kept(libc.func('int posix_spawn_file_actions_destroy(void*)')),
  spawnActionsDup2: kept(libc.func('int posix_spawn_file_actions_adddup2(void*, int, int)')),
  spawnActionsCloseFrom: kept(libc.func('int posix_spawn_file_actions_addclosefrom_np(void*, int)')),
  spawnActionsChdir: kept(libc.func('int posix_spawn_file_actions_addchdir_np(void*, const char*)')),
  spawnAttributesInit: kept(libc.func('int posix_spawnattr_init(void*)')),
  spawnAttributesDestroy: kept(libc.func('int posix_spawnattr_destroy(void*)')),
  spawnAttributesFlags: kept(libc.func('int posix_spawnattr_setflags(void*, short)')),
  spawnAttributesSignalDefaults: kept(libc.func('int posix_spawnattr_setsigdefault(void*, const void*)')),
  spawnAttributesSignalMask: kept(libc.func('int posix_spawnattr_setsigmask(void*, const void*)')),
  waitpid: kept(libc.func('int waitpid(int, _Out_ int*, int)')),
  pidfdOpen: kept(libc.func('syscall', 'long', ['long', 'int', 'unsigned int'])),
  pidfdSendSignal: kept(libc.func('syscall', 'long', ['long', 'int', 'int', 'const void*', 'unsigned int'])),
  // files.ts: paths are NUL-terminated bytes, since file names need not be UTF-8.
  openat2: kept(libc.func('int64_t syscall(int64_t, int, const void*, const void*, size_t)')),
  mkdirat: kept(libc.func('int mkdirat(int, const void*, unsigned int)')),
  mknodat: kept(libc.func('int mknodat(int, const void*, unsigned int, uint64_t)')),
  symlinkat: kept(libc.func('int symlinkat(const void*, int, const void*)')),
  linkat: kept(libc.func('int linkat(int, const void*, int, const void*, int)')),
  unlinkat: kept(libc.func('int unlinkat(int, const void*, int)')),
  renameat: kept(libc.func('int renameat(int, const void*, int, const void*)')),
  readlinkat: kept(libc.func('int64_t readlinkat(int, const void*, _Out_ void*, size_t)')),
  fchownat: kept(libc.func('int fchownat(int, const void*, unsigned int, unsigned int, int)')),
  utimensat: kept(libc.func('int utimensat(int, const void*, const void*, int)')),
  openat: kept(libc.func('int openat(int, const void*, int, unsigned int)')),
  futimens: kept(libc.func('int futimens(int, const void*)')),
  ioctl: kept(libc.func('int ioctl(int, unsigned long, _Inout_ void*)')),
  setxattr: kept(libc.func('int setxattr(const void*, const void*, const void*, size_t, int)')),
  getxattr: kept(libc.func('int64_t getxattr(const void*, const void*, _Out_ void*, size_t)')),
  fgetxattr: kept(libc.func('int64_t fgetxattr(int, const void*, _Out_ void*, size_t)')),
  flistxattr: kept(libc.func('int64_t flistxattr(int, _Out_ void*, size_t)')),
  listxattr: kept(libc.func('int64_t listxattr(const void*, _Out_ void*, size_t)')),
};

const kinds: Readonly<Record<number, ErrorKind>> = {
  [koffi.os.errno.ENOENT ?? 2]: 'notFound',
  [koffi.os.errno.ESRCH ?? 3]: 'notFound',
  [koffi.os.errno.ENODEV ?? 19]: 'notFound',
  [koffi.os.errno.EEXIST ?? 17]: 'alreadyExists',
  [koffi.os.errno.EBUSY ?? 16]: 'conflict',
  [koffi.os.errno.EPERM ?? 1]: 'forbidden',
  [koffi.os.errno.EACCES ?? 13]: 'forbidden',
  [koffi.os.errno.EINVAL ?? 22]: 'invalid',
};

/** The error of the system call that just failed: `mount overlay on /x: EINVAL`. */
export function systemError(doing: string, errno: number = failedWith): KindError {
  const name = Object.entries(koffi.os.errno).find(([, code]) => code === errno)?.[0] ?? `errno ${errno}`;
  return new KindError(kinds[errno] ?? 'internal', `${doing}: ${name}`, { details: { errno, code: name } });
}

/** errno of the call that just failed. */
export function lastErrno(): number {
  return failedWith;
}

/** errno of an asynchronous call, in its callback. */
export function asyncErrno(): number {
  return koffi.errno();
}

/** pipe2(O_CLOEXEC): [read end, write end]. */
export function pipe(): readonly [number, number] {
  const ends = [0, 0];
  const closeOnExec = 0o2000000;
  if (native.pipe2(ends, closeOnExec) !== 0) throw systemError('pipe2');
  return [ends[0] as number, ends[1] as number];
}
