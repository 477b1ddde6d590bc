import type { BigIntStats } from 'node:fs';
import { basename, posix } from 'node:path';
import { Readable } from 'node:stream';
import { KindError } from '../../base/errors.ts';
import { bytesOf, textOf, type Root } from '../../kernel/files.ts';
import { blocksOf, type Piece } from '../archive/blocks.ts';
import { packFrom } from '../archive/pack.ts';
import { unpackInto } from '../archive/unpack.ts';
import type { PathStat } from './containers.ts';
import { directoryInside, mountOf, withImageRoot, withRoot, type RootParts } from './mounted-root.ts';
import type { ContainerRecord } from './record.ts';

export function exportRoot(parts: RootParts, record: ContainerRecord): Promise<Readable> {
  return streamed(
    (use) => withImageRoot(parts, record, use),
    (root) => packFrom(root, { whiteouts: 'plain' }),
  );
}

export async function readArchive(
  parts: RootParts,
  record: ContainerRecord,
  path: string,
): Promise<{ readonly stat: PathStat; readonly tar: Readable }> {
  const stat = await statPath(parts, record, path);
  const tar = await streamed(
    (use) => withRoot(parts, record, use),
    (root) => {
      const target = isFollowed(path) ? (root.realDirectory(bytesOf(relativeOf(path))) ?? '') : bytesOf(relativeOf(path));
      return packFrom(root, { whiteouts: 'plain', path: target, as: bytesOf(stat.name === '/' ? '.' : stat.name) });
    },
  );
  return { stat, tar };
}

/** The root stays open until the stream has ended. */
async function streamed(
  open: (use: (root: Root) => Promise<void>) => Promise<void>,
  pack: (root: Root) => Iterable<Piece>,
): Promise<Readable> {
  const started = Promise.withResolvers<Readable>();
  const finished = open(async (root) => {
    const blocks = blocksOf(pack(root), () => Buffer.allocUnsafeSlow(65_536));
    const stream = Readable.from(blocks, { objectMode: false });
    started.resolve(stream);
    await new Promise<void>((resolve) => stream.once('close', resolve));
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
    await unpackInto(root, tar, { whiteouts: 'plain', under: bytesOf(under), keepKinds: options.noOverwriteDirNonDir });
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
