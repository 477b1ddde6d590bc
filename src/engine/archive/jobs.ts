import type { ErrorKind } from '../../base/errors.ts';
import type { Digest } from '../../base/digest.ts';
import type { CopyJob, CopyResult } from './copy-tree.ts';
import type { PlaceUsage } from './disk-usage.ts';
import type { ImageArchive, ImageArchiveJob } from './image-archive.ts';
import type { PackOptions } from './pack.ts';
import type { UnpackResult } from './unpack.ts';
import type { UnpackTarget } from './unpack-layer.ts';

/** Bulk file work that runs in a worker thread, so that the engine's loop stays free. */
export type Job =
  /** Input: a tar (plain, gzip, zstd). With `frames`, what is needed to write the same tar again goes to that file. */
  | ({ readonly do: 'unpack'; readonly file?: InnerFile } & UnpackTarget)
  /** Input: an archive of images; its layers are unpacked below the directory. */
  | ({ readonly do: 'image' } & ImageArchiveJob)
  /** Output: a tar. */
  | { readonly do: 'pack'; readonly root: string; readonly options: PackOptions }
  /** Output: the tar that `frames` was made from, byte for byte. */
  | { readonly do: 'repack'; readonly root: string; readonly frames: string }
  /** `newest`, seconds since 1970: what is newer gets this time first. */
  | { readonly do: 'digest'; readonly root: string; readonly options: PackOptions; readonly newest?: number | undefined }
  | { readonly do: 'clone'; readonly from: string; readonly to: string }
  | ({ readonly do: 'copy' } & CopyJob)
  | { readonly do: 'usage'; readonly root: string }
  /** Removes a whole tree with its root; succeeds when there is none. */
  | { readonly do: 'remove'; readonly root: string }
  | { readonly do: 'disk'; readonly root: string }
  /** Removes what a .dockerignore keeps out of a build context. */
  | { readonly do: 'ignore'; readonly root: string; readonly lines: readonly string[] };

/** A file inside a tree that may hold hostile symlinks. */
export interface InnerFile {
  readonly root: string;
  /** Byte string. */
  readonly path: string;
}

export interface DigestResult {
  /** sha256 of the uncompressed tar. */
  readonly diffId: Digest;
  /** Bytes of regular files. */
  readonly bytes: number;
  /** Bytes of the tar. */
  readonly tarBytes: number;
}

export interface UnpackJobResult extends UnpackResult {
  readonly diffId: Digest;
  readonly tarBytes: number;
}

export interface UsageResult {
  readonly bytes: number;
  readonly inodes: number;
}

export interface ResultOf {
  readonly unpack: UnpackJobResult;
  readonly image: ImageArchive;
  readonly pack: undefined;
  readonly repack: undefined;
  readonly digest: DigestResult;
  readonly clone: DigestResult;
  readonly copy: CopyResult;
  readonly usage: UsageResult;
  readonly remove: undefined;
  readonly disk: PlaceUsage;
  readonly ignore: undefined;
}

/*
 *   engine ── job, then chunk, end, more, stop ──► worker
 *   engine ◄── chunk, taken ────── worker,  then one result or error
 *
 * `stop`: nobody wants the result any more. The word that goes with the job says the same to a worker that is too busy to hear: it ends with an
 * error at the next file or chunk, with everything closed that it had open.
 * `taken`: the worker has used one input chunk. `more`: the engine's reader has used one output chunk, whose memory both sides share:
 * the worker writes the chunk after the next `window` there.
 * Neither side has more than `window` chunks under way.
 */
export const window = 8;

export type ToWorker =
  | { readonly job: Job; readonly stopped: Int32Array<SharedArrayBuffer> }
  | { readonly stop: true }
  | { readonly chunk: Uint8Array }
  | { readonly end: true }
  | { readonly more: true };

export type FromWorker =
  | { readonly taken: true }
  | { readonly chunk: Uint8Array }
  | { readonly result: unknown }
  | { readonly error: { readonly kind: ErrorKind; readonly message: string; readonly details?: unknown } };
