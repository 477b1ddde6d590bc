/** File types as stat(2) has them and as Go's os.FileMode has them: `docker cp` reads the latter. */
const types: readonly (readonly [unix: number, go: number])[] = [
  [0o040000, 0x80000000], // directory
  [0o120000, 0x08000000], // symlink
  [0o060000, 0x04000000], // block device
  [0o020000, 0x04000000 + 0x00200000], // character device
  [0o010000, 0x02000000], // named pipe
  [0o140000, 0x01000000], // socket
];

/** 0o100755 → 0755, 0o40755 → 0x800001ed. */
export function goFileMode(mode: number): number {
  const type = types.find(([unix]) => (mode & 0o170000) === unix)?.[1] ?? 0;
  const setuid = mode & 0o4000 ? 0x00800000 : 0;
  const setgid = mode & 0o2000 ? 0x00400000 : 0;
  const sticky = mode & 0o1000 ? 0x00100000 : 0;
  return type + setuid + setgid + sticky + (mode & 0o777);
}
