import koffi from 'koffi';
import { KindError, type ErrorKind } from '../base/errors.ts';

/**
 * The one table of C signatures. A wrong one crashes the process, so each is exercised by the root test of its door.
 * `koffi.errno()` must be read right after a failing call, before anything else runs.
 */
const libc = koffi.load('libc.so.6');

export const native = {
  // mounts
  mount: libc.func('int mount(const char*, const char*, const char*, unsigned long, const char*)'),
  umount2: libc.func('int umount2(const char*, int)'),
  /** Only for calls without a wrapper in older C libraries: number, then five arguments, the third a buffer. */
  mountSetattr: libc.func('syscall', 'long', ['long', 'int', 'const char*', 'unsigned int', 'const void*', 'size_t']),
  chdir: libc.func('int chdir(const char*)'),
  // namespaces
  setns: libc.func('int setns(int, int)'),
  unshare: libc.func('int unshare(int)'),
  sethostname: libc.func('int sethostname(const char*, size_t)'),
  // descriptors
  close: libc.func('int close(int)'),
  syncfs: libc.func('int syncfs(int)'),
  pipe2: libc.func('int pipe2(_Out_ int*, int)'),
  // sockets
  socket: libc.func('int socket(int, int, int)'),
  bind: libc.func('int bind(int, const void*, unsigned int)'),
  listen: libc.func('int listen(int, int)'),
  getsockname: libc.func('int getsockname(int, _Out_ void*, _Inout_ unsigned int*)'),
  connect: libc.func('int connect(int, const void*, unsigned int)'),
  send: libc.func('int64_t send(int, const void*, size_t, int)'),
  recv: libc.func('int64_t recv(int, _Out_ void*, size_t, int)'),
  shutdown: libc.func('int shutdown(int, int)'),
  getsockopt: libc.func('int getsockopt(int, int, int, _Out_ void*, _Inout_ unsigned int*)'),
  setsockopt: libc.func('int setsockopt(int, int, int, const void*, unsigned int)'),
  // processes
  posixSpawn: libc.func('int posix_spawn(_Out_ int*, const char*, void*, void*, const char**, const char**)'),
  spawnActionsInit: libc.func('int posix_spawn_file_actions_init(void*)'),
  spawnActionsDestroy: libc.func('int posix_spawn_file_actions_destroy(void*)'),
  spawnActionsDup2: libc.func('int posix_spawn_file_actions_adddup2(void*, int, int)'),
  spawnActionsCloseFrom: libc.func('int posix_spawn_file_actions_addclosefrom_np(void*, int)'),
  spawnActionsChdir: libc.func('int posix_spawn_file_actions_addchdir_np(void*, const char*)'),
  spawnAttributesInit: libc.func('int posix_spawnattr_init(void*)'),
  spawnAttributesDestroy: libc.func('int posix_spawnattr_destroy(void*)'),
  spawnAttributesFlags: libc.func('int posix_spawnattr_setflags(void*, short)'),
  spawnAttributesSignalDefaults: libc.func('int posix_spawnattr_setsigdefault(void*, const void*)'),
  spawnAttributesSignalMask: libc.func('int posix_spawnattr_setsigmask(void*, const void*)'),
  waitpid: libc.func('int waitpid(int, _Out_ int*, int)'),
  pidfdOpen: libc.func('syscall', 'long', ['long', 'int', 'unsigned int']),
  pidfdSendSignal: libc.func('syscall', 'long', ['long', 'int', 'int', 'const void*', 'unsigned int']),
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
  openat: libc.func('int openat(int, const void*, int, unsigned int)'),
  futimens: libc.func('int futimens(int, const void*)'),
  ioctl: libc.func('int ioctl(int, unsigned long, _Inout_ void*)'),
  setxattr: libc.func('int setxattr(const void*, const void*, const void*, size_t, int)'),
  getxattr: libc.func('int64_t getxattr(const void*, const void*, _Out_ void*, size_t)'),
  fgetxattr: libc.func('int64_t fgetxattr(int, const void*, _Out_ void*, size_t)'),
  flistxattr: libc.func('int64_t flistxattr(int, _Out_ void*, size_t)'),
  listxattr: libc.func('int64_t listxattr(const void*, _Out_ void*, size_t)'),
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
export function systemError(doing: string, errno: number = koffi.errno()): KindError {
  const name = Object.entries(koffi.os.errno).find(([, code]) => code === errno)?.[0] ?? `errno ${errno}`;
  return new KindError(kinds[errno] ?? 'internal', `${doing}: ${name}`, { details: { errno, code: name } });
}

/** errno of the call that just failed. */
export function lastErrno(): number {
  return koffi.errno();
}

/** pipe2(O_CLOEXEC): [read end, write end]. */
export function pipe(): readonly [number, number] {
  const ends = [0, 0];
  const closeOnExec = 0o2000000;
  if (native.pipe2(ends, closeOnExec) !== 0) throw systemError('pipe2');
  return [ends[0] as number, ends[1] as number];
}
