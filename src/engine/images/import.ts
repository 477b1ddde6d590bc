import type { Readable } from 'node:stream';
import type { ImageConfig } from '../../api/oci/image.ts';
import { applyChanges } from '../build/changes.ts';
import type { Image, ImportOptions } from './images.ts';
import type { LocalImages } from './local-images.ts';

/** `docker import`: an image of one layer. */
export async function importImage(
  images: LocalImages,
  tar: Readable,
  options: ImportOptions,
  signal: AbortSignal | undefined,
): Promise<Image> {
  const run = applyChanges(options.config ?? {}, options.changes ?? []);
  const { diffId } = await images.snapshots.add([], tar, undefined, signal);
  const created = new Date().toISOString();
  const config: ImageConfig = {
    created,
    architecture: architecture(),
    os: 'linux',
    config: run,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, comment: options.message ?? 'Imported from -' }],
  };
  const names = options.reference === undefined || options.reference === '' ? [] : [options.reference];
  const image = await images.create(config, { names });
  images.announce('import', image.id, image.id);
  return image;
}

/** Of this machine, in OCI's words (Go's GOARCH). */
export function architecture(): string {
  const names: Readonly<Record<string, string>> = {
    x64: 'amd64',
    arm64: 'arm64',
    arm: 'arm',
    ia32: '386',
    s390x: 's390x',
    ppc64: 'ppc64le',
    riscv64: 'riscv64',
  };
  return names[process.arch] ?? process.arch;
}
