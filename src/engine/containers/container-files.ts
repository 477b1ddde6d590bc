import type { BigIntStats } from 'node:fs';
import { basename, posix } from 'node:path';
import { Readable } from 'node:stream';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root, textOf } from '../../kernel/files.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { packFrom } from '../archive/pack.ts';
import { unpackInto } from '../archive/unpack.ts';
import type { EngineConfig } from '../engine.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { PathStat } from './containers.ts';
import { pathsOf } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import { mkdirSync } from 'node:fs';

export interface FileParts {
  readonly kernel: Kernel;
  readonly config: EngineConfig;
  readonly snapshots: Snapshots;
  readonly exclusive: <T>(id: string, run: () => Promise<T>) => Promise<T>;
}

/**
 * The root file system of a container, with its volumes for as long as it is used: that of the running one, or mounted for the time.
 * Binds are mounted by the runtime inside the container's own mount namespace, so /proc/<pid>/root shows them.
 */
export async function withRoot<T>(parts: FileParts, record: ContainerRecord, use: (root: Root) => Promise<T>): Promise<T> {
  if (record.pid !== undefined) {
    using root = new Root(`/proc/${record.pid}/root`);
    return await use(root);
  }
  const { rootfs } = pathsOf(parts.config, record.id);
  return parts.exclusive(record.id, async () => {
    mkdirSync(rootfs, { recursive: true });
    await using undo = new AsyncDisposableStack();
    parts.kernel.mounts.mount(parts.snapshots.mount(record.id, rootfs));
    undo.defer(() => parts.kernel.mounts.unmount(rootfs));
    for (const { type, source, target } of record.mounts) {
      if (type === 'tmpfs') continue;
      const place = inside(rootfs, target);
      if (!place) continue;
      parts.kernel.mounts.mount({ type: 'none', source, target: place, options: ['rbind'] });
      undo.defer(() => parts.kernel.mounts.unmount(place));
    }
    using root = new Root(rootfs);
    return await use(root);
  });
}

/** The root file system alone, without volumes, /proc and the like: what an image of it would hold. */
async function withImageRoot<T>(parts: FileParts, record: ContainerRecord, use: (root: Root) => Promise<T>): Promise<T> {
  const { rootfs } = pathsOf(parts.config, record.id);
  if (record.pid === undefined) return withRoot(parts, { ...record, mounts: [] }, use);
  using root = new Root(rootfs);
  return await use(root);
}

/** The place of a mount below the root, when it is a plain path without symlinks; undefined otherwise. */
function inside(rootfs: string, target: string): string | undefined {
  using root = new Root(rootfs);
  const parts = target.split('/').filter(Boolean);
  const isPlain = parts.every((_, index) => root.stat(bytesOf(parts.slice(0, index + 1).join('/')))?.isDirectory());
  return isPlain ? posix.join(rootfs, ...parts) : undefined;
}

export function exportRoot(parts: FileParts, record: ContainerRecord): Promise<Readable> {
  return streamed(
    (use) => withImageRoot(parts, record, use),
    (root) => packFrom(root, { whiteouts: 'plain' }),
  );
}

export async function readArchive(
  parts: FileParts,
  record: ContainerRecord,
  path: string,
): Promise<{ readonly stat: PathStat; readonly tar: Readable }> {
  const stat = await statPath(parts, record, path);
  const tar = await streamed(
    (use) => withRoot(parts, record, use),
    (root) => {
      // A trailing `/` or `/.` asks for what a symlink leads to, as do all paths but the last component.
      const target = relativeOf(path);
      return packFrom(root, { whiteouts: 'plain', path: bytesOf(target), as: bytesOf(stat.name === '/' ? '.' : stat.name) });
    },
  );
  return { stat, tar };
}

/** The root stays open until the stream has ended. */
async function streamed(
  open: (use: (root: Root) => Promise<void>) => Promise<void>,
  pack: (root: Root) => Iterable<Buffer>,
): Promise<Readable> {
  const started = Promise.withResolvers<Readable>();
  const finished = open(async (root) => {
    const stream = Readable.from(pack(root), { objectMode: false });
    started.resolve(stream);
    await new Promise<void>((resolve) => stream.once('close', resolve));
  });
  finished.catch((error: unknown) => started.reject(error));
  return started.promise;
}

export function statPath(parts: FileParts, record: ContainerRecord, path: string): Promise<PathStat> {
  return withRoot(parts, record, async (root) => {
    const relative = bytesOf(relativeOf(path));
    const stat = relative === '' ? root.statTarget('') : root.stat(relative);
    if (!stat) throw new KindError('notFound', `Could not find the file ${path} in container ${record.name}`);
    return {
      name: relative === '' ? '/' : basename(relativeOf(path)),
      size: Number(stat.size),
      mode: Number(stat.mode),
      modifiedAt: new Date(Number(stat.mtimeMs)),
      linkTarget: stat.isSymbolicLink() ? posix.resolve('/', posix.dirname(relativeOf(path)), textOf(root.readLink(relative))) : '',
    };
  });
}

export function writeArchive(
  parts: FileParts,
  record: ContainerRecord,
  path: string,
  tar: Readable,
  options: { readonly noOverwriteDirNonDir: boolean; readonly copyOwnership: boolean },
): Promise<void> {
  if (record.spec.readonlyRoot) throw new KindError('forbidden', 'container rootfs is marked read-only');
  return withRoot(parts, record, async (root) => {
    const under = relativeOf(path);
    const target: BigIntStats | undefined = root.statTarget(bytesOf(under));
    if (!target) throw new KindError('notFound', `Could not find the file ${path} in container ${record.name}`);
    if (!target.isDirectory()) throw new KindError('invalid', 'extraction point is not a directory');
    await unpackInto(root, tar, { whiteouts: 'plain', under: bytesOf(under), keepKinds: options.noOverwriteDirNonDir });
  });
}

function relativeOf(path: string): string {
  return posix.resolve('/', path).slice(1);
}
