import { mkdirSync, rmSync } from 'node:fs';
import type { Digest } from '../../base/digest.ts';
import { newId } from '../../base/ids.ts';
import type { Mounts } from '../../kernel/mounts.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';

export interface CommitRules {
  /** Seconds since 1970: newer files of the layer get this time. */
  readonly newest?: number | undefined;
  /** The layers that it comes to lie on; default: those it was written over. */
  readonly onto?: readonly Digest[];
}

/** A stack of layers as a directory for as long as it is not disposed. */
export interface Mounted extends AsyncDisposable {
  readonly directory: string;
  /** Unmounts and makes what was written a new layer. */
  commit(options: CommitRules): Promise<{ readonly diffId: Digest; readonly bytes: number }>;
}

export async function mountLayers(snapshots: OverlaySnapshots, mounts: Mounts, layers: readonly Digest[]): Promise<Mounted> {
  const key = `build-${newId().slice(0, 16)}`;
  const directory = snapshots.temporary();
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  await snapshots.prepare(key, layers);
  undo.defer(() => snapshots.remove(key));
  const target = `${directory}/rootfs`;
  mkdirSync(target);
  mounts.mount(snapshots.mount(key, target));
  undo.defer(() => mounts.unmountWritten(target));
  const cleanup = undo.move();
  return {
    directory: target,
    commit: async (options) => {
      await mounts.unmountWritten(target);
      return snapshots.commit(key, { consume: true, ...options });
    },
    [Symbol.asyncDispose]: () => cleanup.disposeAsync(),
  };
}
