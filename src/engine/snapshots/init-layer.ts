import { closeSync, mkdirSync } from 'node:fs';
import { Root } from '../../kernel/files.ts';
import { keptAttributes } from '../archive/unpack.ts';
import { findInLayers } from './lower.ts';

/** A place that has to be in a container's root; text: a symlink to it. */
export type Place = 'directory' | 'file' | { readonly link: string };

/** Path without a leading slash → what is to be there. Parents come before what is in them. */
export type Places = Readonly<Record<string, Place>>;

/**
 * Fills the layer between an image and a container's writable one (moby's init layer) with the places that the image lacks. So the writable
 * layer has what the container wrote and nothing else: neither diff nor commit nor a build step shows what the engine needed.
 *
 *     image      etc/passwd
 *     init       etc/hosts         an empty file, and `etc` with the owner, mode and time that it has below
 *     writable   –
 *
 * A parent that is no directory in the image (`etc` → `usr/etc`) is left to the runtime, which follows it at each start.
 */
export function fillInitLayer(directory: string, layers: readonly Root[], places: Places): void {
  mkdirSync(directory, { mode: 0o755 });
  using init = new Root(directory);
  const touched = new Set<string>();
  for (const [path, place] of Object.entries(places)) {
    if (findInLayers(layers, path)) continue;
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    const below = parent === '' ? undefined : findInLayers(layers, parent);
    if (below && !below.stat.isDirectory()) continue;
    if (parent !== '') init.makeDirectories(parent);
    if (below) touched.add(parent);
    make(init, path, place);
  }
  for (const path of touched) likeBelow(init, layers, path);
}

function make(init: Root, path: string, place: Place): void {
  if (place === 'directory') init.makeDirectory(path, 0o755);
  else if (place === 'file') closeSync(init.createFile(path, 0o755));
  else init.makeSymlink(place.link, path);
}

/** What overlayfs shows of a directory is its topmost layer's. */
function likeBelow(init: Root, layers: readonly Root[], path: string): void {
  const below = findInLayers(layers, path);
  if (!below) return;
  const { uid, gid, mode, mtimeNs } = below.stat;
  const attributes = keptAttributes(below.layer.extendedAttributes(path));
  init.setMetadata(path, { owner: { uid: Number(uid), gid: Number(gid) }, mode: Number(mode) & 0o7777, attributes, mtimeNs });
}
