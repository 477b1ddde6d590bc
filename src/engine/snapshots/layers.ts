import type { Digest } from '../../base/digest.ts';
import { digestOf, hexOf } from '../../base/digest.ts';

/** Name of a layer together with everything below it: OCI image spec, config.md §layer-chainid. */
export function chainIdOf(layers: readonly Digest[]): Digest | undefined {
  let chain: Digest | undefined;
  for (const diffId of layers) chain = chain === undefined ? diffId : digestOf(`${chain} ${diffId}`);
  return chain;
}

/** Chain IDs of all prefixes: lowest layer first. */
export function chainIdsOf(layers: readonly Digest[]): readonly Digest[] {
  const chains: Digest[] = [];
  for (const diffId of layers) {
    const below = chains.at(-1);
    chains.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chains;
}

/** What the store keeps of a layer, under /engine/layers/<hex of chain ID>. */
export interface LayerRecord {
  readonly chainId: Digest;
  readonly diffId: Digest;
  /** Name of the short link `<dataRoot>/l/<link>`. */
  readonly link: string;
  /** Bytes of regular files. */
  readonly bytes: number;
  /** Bytes of the uncompressed tar. */
  readonly tarBytes: number;
  /** Whether the tar is to be written from kept frames (foreign) or by the packer (own). */
  readonly hasFrames: boolean;
}

/** What the store keeps of a snapshot, under /engine/snapshots/<key>. */
export interface SnapshotRecord {
  readonly key: string;
  readonly layers: readonly Digest[];
  readonly link: string;
  /** Whether there is a layer of places between the layers and the writable one (init-layer.ts). */
  readonly hasInit?: boolean;
}

export const layerPrefix = '/engine/layers/';
export const snapshotPrefix = '/engine/snapshots/';

/** Where things are on disk. */
export function paths(dataRoot: string) {
  const overlay = `${dataRoot}/overlay2`;
  return {
    root: dataRoot,
    overlay,
    links: `${dataRoot}/l`,
    temporary: `${dataRoot}/tmp`,
    /** Lower directory of snapshots without layers: overlayfs wants one. */
    empty: `${overlay}/empty`,
    layer: (chainId: Digest) => `${overlay}/${hexOf(chainId)}`,
    snapshot: (key: string) => `${overlay}/${key}-rw`,
  };
}
