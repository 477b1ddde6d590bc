import {
  configMaps,
  persistentVolumeClaims,
  persistentVolumes,
  secrets,
  services,
  type Kind,
  type KubernetesObject,
} from '../../../api/kubernetes/kinds.ts';
import type { ConfigMap, PersistentVolume, Pod, Secret, Service } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { Client, ObjectKey } from '../../client/client.ts';
import { payloadReferences } from '../volumes/payload.ts';
import { allContainers } from './all-containers.ts';
import { environmentReferences } from './environment.ts';

export interface PodObjects {
  readonly configMaps: ReadonlyMap<string, ConfigMap | undefined>;
  readonly secrets: ReadonlyMap<string, Secret | undefined>;
  readonly services: readonly Service[];
  readonly persistentVolumes: ReadonlyMap<string, PersistentVolume | undefined>;
}

/** Names of the ConfigMaps and Secrets that a pod reads, as `configmap/x` and `secret/y`. */
export function podReferences(pod: Pod): ReadonlySet<string> {
  const all = referencesOf(pod);
  return new Set([...all.configMaps.map((name) => `configmap/${name}`), ...all.secrets.map((name) => `secret/${name}`)]);
}

/** Reads what a pod refers to from the API server, as it is now. What is missing is undefined. */
export async function fetchObjects(client: Client, pod: Pod): Promise<PodObjects> {
  const namespace = pod.metadata.namespace ?? '';
  const names = referencesOf(pod);
  const claims = (pod.spec?.volumes ?? []).map((volume) => volume.persistentVolumeClaim?.claimName).filter((name) => name !== undefined);
  const [maps, hidden, volumes, own, kubernetes] = await Promise.all([
    fetchAll(names.configMaps, (name) => find(client, configMaps, { namespace, name })),
    fetchAll(names.secrets, (name) => find(client, secrets, { namespace, name })),
    fetchAll(claims, (name) => boundVolume(client, namespace, name)),
    pod.spec?.enableServiceLinks === false ? [] : client.list(services, { namespace }).then((list) => list.items),
    namespace === 'default' ? undefined : find(client, services, { namespace: 'default', name: 'kubernetes' }),
  ]);
  return { configMaps: maps, secrets: hidden, persistentVolumes: volumes, services: kubernetes ? [kubernetes, ...own] : own };
}

function referencesOf(pod: Pod): { readonly configMaps: readonly string[]; readonly secrets: readonly string[] } {
  const all = [...allContainers(pod).map(environmentReferences), ...(pod.spec?.volumes ?? []).map(payloadReferences)];
  const pulls = (pod.spec?.imagePullSecrets ?? []).map(({ name }) => name).filter((name) => name !== undefined);
  return {
    configMaps: [...new Set(all.flatMap((each) => each.configMaps))],
    secrets: [...new Set([...all.flatMap((each) => each.secrets), ...pulls])],
  };
}

async function fetchAll<T>(
  names: readonly string[],
  fetch: (name: string) => Promise<T | undefined>,
): Promise<ReadonlyMap<string, T | undefined>> {
  return new Map(await Promise.all(names.map(async (name) => [name, await fetch(name)] as const)));
}

async function find<T extends KubernetesObject>(client: Client, kind: Kind<T>, key: ObjectKey): Promise<T | undefined> {
  try {
    return await client.get(kind, key);
  } catch (error) {
    if (isKind(error, 'notFound')) return undefined;
    throw error;
  }
}

async function boundVolume(client: Client, namespace: string, name: string): Promise<PersistentVolume | undefined> {
  const claim = await find(client, persistentVolumeClaims, { namespace, name });
  if (claim?.status?.phase !== 'Bound' || !claim.spec?.volumeName) return undefined;
  return find(client, persistentVolumes, { name: claim.spec.volumeName });
}
