import type { BigIntStats } from 'node:fs';
import { basename, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { KindError } from '../../base/errors.ts';
import { bytesOf, textOf, type Root } from '../../kernel/files.ts';
import type { PackOptions } from '../archive/pack.ts';
import { blocksOfJob, unpackTar } from '../archive/run-job.ts';
import type { PathStat } from './containers.ts';
import { directoryInside, mountOf, withImageRoot, withRoot, type RootParts } from './mounted-root.ts';
import type { ContainerRecord } from './record.ts';

export function exportRoot(parts: RootParts, record: ContainerRecord, signal: AbortSignal | undefined): Promise<AsyncIterable<Uint8Array>> {
  return packed(
    (use) => withImageRoot(parts, record, use),
    () => ({ whiteouts: 'plain' }),
    signal,
  );
}

export async function readArchive(
  parts: RootParts,
  record: ContainerRecord,
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly stat: PathStat; readonly tar: AsyncIterable<Uint8Array> }> {
  const stat = await statPath(parts, record, path);
  const tar = await packed(
    (use) => withRoot(parts, record, use),
    (root) => {
      const target = isFollowed(path) ? (root.realDirectory(bytesOf(relativeOf(path))) ?? '') : bytesOf(relativeOf(path));
      return { whiteouts: 'plain', path: target, as: bytesOf(stat.name === '/' ? '.' : stat.name) };
    },
    signal,
  );
  return { stat, tar };
}

/** The root stays open until the tar has been read, or until `signal` says that nobody will. */
async function packed(
  open: (use: (root: Root) => Promise<void>) => Promise<void>,
  optionsFor: (root: Root) => PackOptions,
  signal: AbortSignal | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const started = Promise.withResolvers<AsyncIterable<Uint8Array>>();
  const finished = open(async (root) => {
    const { promise: isRead, resolve } = Promise.withResolvers<void>();
    const tar = { blocks: blocksOfJob({ do: 'pack', root: root.descriptor, options: optionsFor(root) }, signal), isBegun: false };
    signal?.addEventListener('abort', () => tar.isBegun || resolve(), { once: true });
    started.resolve(
      (async function* () {
        tar.isBegun = true;
        try {
          yield* tar.blocks;
        } finally {
          resolve();
        }
      })(),
    );
    await isRead;
  });
  finished.catch((error: unknown) => started.reject(error));
  return started.promise;
}

export function statPath(parts: RootParts, record: ContainerRecord, path: string): Promise<PathStat> {
  return withRoot(parts, record, async (root) => {
    const relative = bytesOf(relativeOf(path));
    const stat = isFollowed(path) ? root.statTarget(relative) : root.stat(relative);
    if (!stat) throw new KindError('notFound', `Could not find the file ${path} in container ${record.name}`);
    if (isFollowed(path) && !stat.isDirectory()) throw new KindError('invalid', `lstat ${path}: not a directory`);
    return {
      name: nameOf(path),
      size: Number(stat.size),
      mode: Number(stat.mode),
      modifiedAt: new Date(Number(stat.mtimeMs)),
      linkTarget: stat.isSymbolicLink() ? posix.resolve('/', posix.dirname(relativeOf(path)), textOf(root.readLink(relative))) : '',
    };
  });
}

export function writeArchive(
  parts: RootParts,
  record: ContainerRecord,
  path: string,
  tar: Readable,
  options: { readonly noOverwriteDirNonDir: boolean; readonly copyOwnership: boolean },
): Promise<void> {
  return withRoot(parts, record, async (root) => {
    const under = relativeOf(path);
    const target: BigIntStats | undefined = root.statTarget(bytesOf(under));
    if (!target) throw new KindError('notFound', `Could not find the file ${path} in container ${record.name}`);
    checkWritable(record, directoryInside(root, under));
    await unpackTar(tar, root.descriptor, { whiteouts: 'plain', under: bytesOf(under), keepKinds: options.noOverwriteDirNonDir });
  });
}

function checkWritable(record: ContainerRecord, directory: string): void {
  const mount = mountOf(record.mounts, directory);
  if (mount?.readOnly) throw new KindError('forbidden', 'mounted volume is marked read-only');
  if (!mount && record.spec.readonlyRoot) throw new KindError('forbidden', 'container rootfs is marked read-only');
}

/** A trailing `/` or `/.` asks for what a symlink leads to, which must be a directory. */
function isFollowed(path: string): boolean {
  return /(^|\/)\.?$/.test(path);
}

/** As the archive calls it: `/src/.` is `.`, its contents without itself. */
function nameOf(path: string): string {
  if (relativeOf(path) === '') return '/';
  return path.endsWith('/.') ? '.' : basename(relativeOf(path));
}

function relativeOf(path: string): string {
  return posix.resolve('/', path).slice(1);
}
