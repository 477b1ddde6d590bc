import type { Digest } from '../../base/digest.ts';
import type { Mount } from '../../kernel/mounts.ts';
import type { Places } from './init-layer.ts';

/**
 * Layers as directories, shared by every container; overlay mounts as data.
 * A *layer* is read-only and named by its chain ID; a *snapshot* is a writable upper directory over a chain, named by its owner's key (a container ID).
 */
export interface Snapshots {
  /** Makes the writable layer of `key` over the layers (diff IDs, lowest first) and the places that these lack. All layers must be present. */
  prepare(key: string, layers: readonly Digest[], places?: Places): Promise<void>;
  /** The mount that shows the snapshot at `target`. */
  mount(key: string, target: string): Mount;
  /** Keys of all snapshots, so that their owners can remove those they do not know. */
  keys(): readonly string[];
  /** Destroys the writable layer alone; succeeds when there is none. */
  remove(key: string): Promise<void>;
  /** Bytes and inodes of the writable layer. */
  usage(key: string): Promise<{ readonly bytes: number; readonly inodes: number }>;
  /** What the writable layer changes, by path, as `docker diff` shows it. */
  changes(key: string): Promise<readonly SnapshotChange[]>;
  /** Freezes the writable layer of a stopped container into a new layer and returns its diff ID; the snapshot stays usable unless `consume`. */
  commit(key: string, options?: CommitOptions): Promise<{ readonly diffId: Digest; readonly bytes: number }>;
  /** Bytes of regular files in all these layers together. */
  layerBytes(layers: readonly Digest[]): Promise<number>;
}

export interface CommitOptions {
  readonly consume?: boolean;
  /** Of a consumed snapshot, seconds since 1970: what is newer gets this time, so that the same content has the same digest. */
  readonly newest?: number | undefined;
  /** Of a consumed snapshot: the layers that the new one comes to lie on; default: the snapshot's own. */
  readonly onto?: readonly Digest[] | undefined;
}

export interface SnapshotChange {
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}
