import { closeSync, fstatSync, mkdirSync } from 'node:fs';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root, textOf } from '../../kernel/files.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { EngineConfig } from '../engine.ts';
import type { Snapshots } from '../snapshots/snapshots.ts';
import type { Volumes } from '../volumes/volumes.ts';
import type { ResolvedMount } from './container.ts';
import { pathsOf } from './paths.ts';
import { bindSubpaths, releasePrivateMounts } from './private-mounts.ts';
import type { ContainerRecord } from './record.ts';
import { isPopulated, populateVolume } from './rootfs-files.ts';

export interface RootParts {
  readonly kernel: Kernel;
  readonly config: EngineConfig;
  readonly snapshots: Snapshots;
  readonly volumes: Volumes;
  readonly exclusive: <T>(id: string, run: () => Promise<T>) => Promise<T>;
}

/**
 * The root file system of a container with its volumes, for as long as it is used: that of the running one, or mounted for the time.
 * Binds are mounted by the runtime inside the container's own mount namespace, so /proc/<pid>/root shows them.
 */
export async function withRoot<T>(parts: RootParts, record: ContainerRecord, use: (root: Root) => Promise<T>): Promise<T> {
  if (record.pid !== undefined) {
    using root = new Root(`/proc/${record.pid}/root`);
    return await use(root);
  }
  const { kernel, snapshots, volumes } = parts;
  const paths = pathsOf(parts.config, record.id);
  const { rootfs } = paths;
  return parts.exclusive(record.id, async () => {
    mkdirSync(rootfs, { recursive: true });
    await using undo = new AsyncDisposableStack();
    kernel.mounts.mount(snapshots.mount(record.id, rootfs));
    // Lazily, with everything that was mounted below.
    undo.defer(() => kernel.mounts.unmountWritten(rootfs));
    for (const { name } of record.mounts) {
      if (!name) continue;
      volumes.mount(name, record.id);
      undo.defer(() => volumes.unmount(name, record.id));
    }
    for (const mount of record.mounts) if (isPopulated(record.spec, mount)) await populateVolume(kernel, rootfs, mount);
    undo.defer(() => releasePrivateMounts(kernel.mounts, paths));
    using root = new Root(rootfs);
    for (const mount of byDepth(bindSubpaths(kernel.mounts, record, paths))) bindInside(kernel, root, mount);
    return await use(root);
  });
}

/** The root file system alone, without volumes, /proc and the like: what an image of it would hold. */
export async function withImageRoot<T>(parts: RootParts, record: ContainerRecord, use: (root: Root) => Promise<T>): Promise<T> {
  const { rootfs } = pathsOf(parts.config, record.id);
  if (record.pid === undefined) return withRoot(parts, { ...record, mounts: [] }, use);
  using root = new Root(rootfs);
  return await use(root);
}

/** The mount that a path (symlinks resolved) lies in; undefined: the root file system. */
export function mountOf(mounts: readonly ResolvedMount[], path: string): ResolvedMount | undefined {
  return byDepth(mounts).findLast(({ target }) => path === target || path.startsWith(`${target}/`));
}

function byDepth(mounts: readonly ResolvedMount[]): readonly ResolvedMount[] {
  return mounts.toSorted((a, b) => a.target.length - b.target.length);
}

const pathOnly = 0o10000000;

/**
 * Mounts one volume or bind in the root. The place is found by the kernel inside the root and used by descriptor: a volume
 * that another container changes meanwhile cannot make it a place on the host. Slave, so that unmounting stays here.
 */
function bindInside(kernel: Kernel, root: Root, { type, source, target, readOnly }: ResolvedMount): void {
  if (type === 'tmpfs') return;
  makePlace(root, bytesOf(target), source);
  through(root, target, (place) => kernel.mounts.mount({ type: 'none', source, target: place, options: ['rbind'] }));
  root.forget();
  through(root, target, (mounted) => {
    kernel.mounts.mount({ type: 'none', source: 'none', target: mounted, options: ['rslave'] });
    if (readOnly) kernel.mounts.mount({ type: 'none', source: 'none', target: mounted, options: ['remount', 'bind', 'ro'] });
  });
}

function through(root: Root, target: string, use: (descriptor: string) => void): void {
  const fd = root.open(bytesOf(target), pathOnly);
  try {
    use(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function makePlace(root: Root, target: string, source: string): void {
  if (root.statTarget(target)) return;
  using host = new Root('/');
  const fd = host.open(bytesOf(source), pathOnly);
  try {
    const parent = target.slice(0, target.lastIndexOf('/'));
    if (fstatSync(fd).isDirectory()) root.makeDirectories(target);
    else {
      root.makeDirectories(parent);
      closeSync(root.createFile(target, 0o644));
    }
  } finally {
    closeSync(fd);
  }
}

/** A directory inside the root with all symlinks resolved, as an absolute path; `invalid` when it is no directory. */
export function directoryInside(root: Root, path: string): string {
  const found = root.realDirectory(bytesOf(path));
  if (found === undefined) throw new KindError('invalid', 'extraction point is not a directory');
  return `/${textOf(found)}`;
}
