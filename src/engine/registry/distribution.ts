import type { Descriptor, Manifest, Platform } from '../../api/oci/image.ts';
import { parseReference } from '../images/reference.ts';
import type { Credentials } from './credentials.ts';
import type { RegistrySettings } from './endpoints.ts';
import { acceptedManifests } from './pull.ts';
import { Repository } from './repository.ts';
import { RegistrySession } from './session.ts';

/** What a registry has under a name. */
export interface RemoteImage {
  readonly descriptor: Descriptor;
  readonly platforms: readonly Platform[];
}

export async function inspectRemote(
  name: string,
  options: { readonly credentials: Credentials | undefined; readonly settings: RegistrySettings },
  signal: AbortSignal,
): Promise<RemoteImage> {
  const reference = parseReference(name);
  using session = await RegistrySession.first(reference.domain, { ...options, purpose: 'pull' }, signal);
  const repository = new Repository(session, reference.path, 'pull');
  const { digest, mediaType, text } = await repository.manifest(reference.digest ?? reference.tag ?? 'latest', acceptedManifests, signal);
  const document = JSON.parse(text) as Partial<Manifest> & { readonly manifests?: readonly Descriptor[] };
  const descriptor = { mediaType, digest, size: Buffer.byteLength(text) };
  if (document.manifests) return { descriptor, platforms: document.manifests.flatMap(({ platform }) => platform ?? []) };
  if (!document.config) return { descriptor, platforms: [] };
  const { architecture, os, variant } = JSON.parse(await repository.blobText(document.config.digest, signal)) as Platform;
  return { descriptor, platforms: [{ architecture, os, ...(variant ? { variant } : {}) }] };
}
