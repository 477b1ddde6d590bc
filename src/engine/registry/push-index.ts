import type { Descriptor, Manifest } from '../../api/oci/image.ts';
import { parseDigest, type Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import type { ContentItem } from '../content/content.ts';
import { acceptedManifests } from './pull.ts';
import type { Repository } from './repository.ts';

interface Index {
  readonly manifests?: readonly Descriptor[];
}

/** The kept index that lists a manifest, if there is one. */
export function indexOver(manifest: ContentItem, kept: readonly ContentItem[]): ContentItem | undefined {
  return kept.find((item) => (JSON.parse(item.text) as Index).manifests?.some(({ digest }) => digest === manifest.digest));
}

/**
 * Brings what an index lists besides the manifest that is there already: other platforms' images, whose bytes never were on this machine,
 * come from repositories of the same registry, which moves nothing. False: some of it is in none of these.
 */
export async function completeIndex(
  index: ContentItem,
  here: Digest,
  target: Repository,
  sources: readonly Repository[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const { digest } of (JSON.parse(index.text) as Index).manifests ?? []) {
    if (digest === here || (await target.hasManifest(parseDigest(digest), signal))) continue;
    if (!(await anyGives(parseDigest(digest), target, sources, signal))) return false;
  }
  return true;
}

async function anyGives(digest: Digest, target: Repository, sources: readonly Repository[], signal: AbortSignal): Promise<boolean> {
  for (const source of sources) {
    try {
      if (await gives(digest, target, source, signal)) return true;
    } catch (error) {
      if (signal.aborted || !(error instanceof KindError)) throw error;
    }
  }
  return false;
}

/** One manifest with its blobs, or an index with all of its own. */
async function gives(digest: Digest, target: Repository, source: Repository, signal: AbortSignal): Promise<boolean> {
  const { text, mediaType } = await source.manifest(digest, acceptedManifests, signal);
  const { config, layers = [], manifests = [] } = JSON.parse(text) as Partial<Manifest> & Index;
  for (const below of manifests) if (!(await anyGives(parseDigest(below.digest), target, [source], signal))) return false;
  for (const blob of [...(config ? [config] : []), ...layers]) {
    const wanted = parseDigest(blob.digest);
    if (!(await target.has(wanted, signal)) && !(await target.mount(wanted, source.path, signal))) return false;
  }
  await target.putManifest(digest, text, mediaType, signal);
  return true;
}
