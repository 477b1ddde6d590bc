import type { BigIntStats } from 'node:fs';
import { posix } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root, textOf } from '../../kernel/files.ts';
import { configOf } from '../images/image-table.ts';
import type { Image } from '../images/images.ts';
import type { BuildParts } from './build-parts.ts';
import { mountLayers } from './mounted.ts';

/** Which layers of an image say something about a path, topmost first: the first is what a container sees. */
export interface PathExplanation {
  readonly image: Digest;
  /** Absolute, links on the way followed. */
  readonly path: string;
  readonly layers: readonly LayerFinding[];
}

export interface LayerFinding {
  /** 1 is the lowest. */
  readonly layer: number;
  readonly diffId: Digest;
  /** `removed`: the layer takes away what is below it. */
  readonly what: 'file' | 'directory' | 'symlink' | 'device' | 'fifo' | 'removed';
  readonly mode: string | undefined;
  readonly owner: string | undefined;
  readonly bytes: number | undefined;
  /** Of a symlink, as it is written. */
  readonly link?: string | undefined;
  /** `seen`: what the image shows; `merged`: a directory that adds to the one above; `shadowed`: hidden by a layer above. */
  readonly state: 'seen' | 'merged' | 'shadowed';
  /** As the history tells it; undefined for layers without a history. */
  readonly step: string | undefined;
  /** Of the Dockerfile, when the build is remembered. */
  readonly place: { readonly dockerfile: string; readonly line: number; readonly text: string } | undefined;
}

export async function explainPath(parts: BuildParts, reference: string, path: string): Promise<PathExplanation> {
  const image = await parts.images.get(reference);
  const layers = image.config.rootfs.diff_ids;
  const real = await realPath(parts, layers, path);
  const found = parts.snapshots.directories(layers).flatMap((directory, index): readonly LayerFinding[] => {
    using root = new Root(directory);
    const finding = lookFor(root, real);
    const layer = layers.length - index;
    return finding ? [{ layer, diffId: layers[layer - 1] as Digest, ...finding, state: 'seen', ...stepOf(parts, image, layer) }] : [];
  });
  // A layer that takes away what none below it has says nothing.
  const told = found.slice(0, found.findLastIndex(({ what }) => what !== 'removed') + 1);
  if (told.length === 0) throw new KindError('notFound', `no layer of ${reference} has /${textOf(real)}`);
  return { image: image.id, path: `/${textOf(real)}`, layers: withStates(told) };
}

function withStates(found: readonly LayerFinding[]): readonly LayerFinding[] {
  let open = true;
  return found.map((finding, index): LayerFinding => {
    const isMerged = open && index > 0 && finding.what === 'directory';
    const state = index === 0 ? 'seen' : isMerged ? 'merged' : 'shadowed';
    open &&= finding.what === 'directory';
    return { ...finding, state };
  });
}

/** Links in the directories above are followed, as the whole image has them; the last name is taken as it is. */
async function realPath(parts: BuildParts, layers: readonly Digest[], path: string): Promise<string> {
  const clean = bytesOf(posix.normalize(`/${path}`))
    .split('/')
    .filter(Boolean);
  const [name = '', parent] = [clean.at(-1), clean.slice(0, -1).join('/')];
  await using mounted = await mountLayers(parts.snapshots, parts.kernel.mounts, layers);
  using root = new Root(mounted.directory);
  const directory = root.realDirectory(parent);
  return directory === undefined ? clean.join('/') : [directory, name].filter(Boolean).join('/');
}

type Facts = Pick<LayerFinding, 'what' | 'mode' | 'owner' | 'bytes' | 'link'>;

const removed: Facts = { what: 'removed', mode: undefined, owner: undefined, bytes: undefined };

function lookFor(layer: Root, path: string): Facts | undefined {
  const parts = path.split('/').filter(Boolean);
  let isOpaque = false;
  for (let depth = 1; depth <= parts.length; depth++) {
    const here = parts.slice(0, depth).join('/');
    const stat = layer.stat(here);
    if (!stat) return isOpaque ? removed : undefined;
    if (isWhiteout(stat)) return removed;
    if (depth === parts.length) return stat.isSymbolicLink() ? { ...factsOf(stat), link: textOf(layer.readLink(here)) } : factsOf(stat);
    if (!stat.isDirectory()) return removed;
    isOpaque ||= layer.extendedAttributes(here)['trusted.overlay.opaque'] === 'y';
  }
  const root = layer.stat('');
  return root && factsOf(root);
}

function isWhiteout(stat: BigIntStats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0n;
}

function factsOf(stat: BigIntStats): Facts {
  const what = stat.isDirectory()
    ? 'directory'
    : stat.isSymbolicLink()
      ? 'symlink'
      : stat.isFIFO()
        ? 'fifo'
        : stat.isFile()
          ? 'file'
          : 'device';
  return {
    what,
    mode: (Number(stat.mode) & 0o7777).toString(8).padStart(4, '0'),
    owner: `${stat.uid}:${stat.gid}`,
    bytes: stat.isFile() ? Number(stat.size) : undefined,
  };
}

/** Layers and the steps of the history that made one run side by side. */
function stepOf(parts: BuildParts, image: Image, layer: number): Pick<LayerFinding, 'step' | 'place'> {
  const steps = (image.config.history ?? []).filter((entry) => entry.empty_layer !== true);
  const step = steps.length === image.config.rootfs.diff_ids.length ? steps[layer - 1]?.created_by : undefined;
  return { step, place: step === undefined ? undefined : placeOf(parts, image.config.rootfs.diff_ids.slice(0, layer), step) };
}

/** The remembered step whose image has just these layers and ends its history alike. */
function placeOf(parts: BuildParts, layers: readonly Digest[], told: string): LayerFinding['place'] {
  for (const { dockerfile, steps } of parts.records.list()) {
    const made = steps.find(({ image }) => {
      const record = image && parts.images.table.get(image);
      if (!record) return false;
      const config = configOf(record);
      return config.history?.at(-1)?.created_by === told && config.rootfs.diff_ids.join() === layers.join();
    });
    if (made) return { dockerfile, line: made.line, text: made.text };
  }
  return undefined;
}
