import { native, systemError } from './native.ts';

/** Values are byte strings (see files.ts). */
export type Attributes = Readonly<Record<string, string>>;

/** As large as the kernel's limits (XATTR_LIST_MAX, XATTR_SIZE_MAX). Calls are synchronous, so one of each is enough. */
const list = Buffer.alloc(65_536);
const value = Buffer.alloc(65_536);
const none: Attributes = {};

/** Extended attributes of a file that is open for reading. */
export function fileAttributes(fd: number): Attributes {
  return attributesBy(
    () => native.flistxattr(fd, list, list.length),
    (name) => native.fgetxattr(fd, name, value, value.length),
  );
}

/** Of a descriptor that only names a place (O_PATH). */
export function attributesAt(fd: number): Attributes {
  const path = nul(`/proc/self/fd/${fd}`);
  return attributesBy(
    () => native.listxattr(path, list, list.length),
    (name) => native.getxattr(path, name, value, value.length),
  );
}

function attributesBy(readList: () => number | bigint, read: (name: Buffer) => number | bigint): Attributes {
  const length = Number(readList());
  if (length <= 0) return none;
  const attributes: Record<string, string> = {};
  for (const name of list.toString('latin1', 0, length - 1).split('\0')) {
    const size = Number(read(nul(name)));
    if (size >= 0) attributes[name] = value.toString('latin1', 0, size);
  }
  return attributes;
}

/** `path` is for messages. */
export function setAttributes(fd: number, path: string, attributes: Attributes): void {
  for (const [name, text] of Object.entries(attributes)) {
    const data = Buffer.from(text, 'latin1');
    if (native.setxattr(nul(`/proc/self/fd/${fd}`), nul(name), data, data.length, 0) !== 0)
      throw systemError(`set attribute ${name} of ${path}`);
  }
}

function nul(bytes: string): Buffer {
  return Buffer.from(`${bytes}\0`, 'latin1');
}
