import type { ConfigMap, Container, Pod, Quantity, Secret, Volume } from '../../../api/kubernetes/types.generated.ts';
import { KindError } from '../../../base/errors.ts';
import { fieldOf, resourceOf, type EnvironmentSources } from '../pod/environment.ts';

/** Files of a configuration volume: path inside it → content and mode. */
export type Payload = ReadonlyMap<string, { readonly data: Buffer; readonly mode: number }>;

export type PayloadSources = Pick<EnvironmentSources, 'configMaps' | 'secrets' | 'podIp' | 'hostIp' | 'nodeName'> & {
  readonly allocatable: Readonly<Record<string, Quantity>>;
  /** Service account tokens by audience, when the API server gives them out. */
  readonly tokens?: ReadonlyMap<string, string>;
};

interface KeySource {
  readonly name?: string;
  readonly optional?: boolean;
  readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number }[];
}

const standardMode = 0o644;

/** Names of ConfigMaps and Secrets that a volume is made of. */
export function payloadReferences(volume: Volume): { readonly configMaps: readonly string[]; readonly secrets: readonly string[] } {
  const projected = volume.projected?.sources ?? [];
  const names = (list: readonly (string | undefined)[]): string[] => list.filter((name) => name !== undefined);
  return {
    configMaps: names([volume.configMap?.name, ...projected.map((source) => source.configMap?.name)]),
    secrets: names([volume.secret?.secretName, ...projected.map((source) => source.secret?.name)]),
  };
}

/** The files of a configMap, secret, downwardAPI or projected volume; undefined for other kinds. Throws `notFound` for what is missing and not optional. */
export function payloadOf(pod: Pod, volume: Volume, sources: PayloadSources): Payload | undefined {
  if (volume.configMap) return configMapFiles(pod, volume.configMap, sources, volume.configMap.defaultMode ?? standardMode);
  if (volume.secret)
    return secretFiles(pod, { ...volume.secret, name: volume.secret.secretName }, sources, volume.secret.defaultMode ?? standardMode);
  if (volume.downwardAPI)
    return downwardFiles(pod, volume.downwardAPI.items ?? [], sources, volume.downwardAPI.defaultMode ?? standardMode);
  if (!volume.projected) return undefined;
  const mode = volume.projected.defaultMode ?? standardMode;
  const files = new Map<string, { readonly data: Buffer; readonly mode: number }>();
  for (const source of volume.projected.sources ?? []) {
    const part = source.configMap
      ? configMapFiles(pod, source.configMap, sources, mode)
      : source.secret
        ? secretFiles(pod, source.secret, sources, mode)
        : source.downwardAPI
          ? downwardFiles(pod, source.downwardAPI.items ?? [], sources, mode)
          : source.serviceAccountToken
            ? tokenFile(source.serviceAccountToken, sources)
            : new Map<string, { readonly data: Buffer; readonly mode: number }>();
    for (const [path, file] of part) files.set(path, file);
  }
  return files;
}

function configMapFiles(pod: Pod, source: KeySource, sources: PayloadSources, mode: number): Payload {
  const object: ConfigMap | undefined = sources.configMaps.get(source.name ?? '');
  if (!object && !source.optional) throw new KindError('notFound', `configmap "${source.name}" not found`);
  const text = Object.entries(object?.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const);
  const binary = Object.entries(object?.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(String(value), 'base64')] as const);
  return pick(source, new Map([...text, ...binary]), mode, `configmap ${pod.metadata.namespace}/${source.name}`);
}

function secretFiles(pod: Pod, source: KeySource, sources: PayloadSources, mode: number): Payload {
  const object: Secret | undefined = sources.secrets.get(source.name ?? '');
  if (!object && !source.optional) throw new KindError('notFound', `secret "${source.name}" not found`);
  const data = Object.entries(object?.data ?? {}).map(([key, value]) => [key, Buffer.from(String(value), 'base64')] as const);
  return pick(source, new Map(data), mode, `secret ${pod.metadata.namespace}/${source.name}`);
}

function pick(source: KeySource, data: ReadonlyMap<string, Buffer>, mode: number, of: string): Payload {
  if (!source.items || source.items.length === 0) return new Map([...data].map(([key, value]) => [key, { data: value, mode }]));
  const files = new Map<string, { readonly data: Buffer; readonly mode: number }>();
  for (const item of source.items) {
    const value = data.get(item.key);
    if (!value && !source.optional) throw new KindError('notFound', `references non-existent config key: ${item.key} (${of})`);
    if (value) files.set(safePath(item.path), { data: value, mode: item.mode ?? mode });
  }
  return files;
}

type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;

function downwardFiles(pod: Pod, items: DownwardItems, sources: PayloadSources, mode: number): Payload {
  const own: Container | undefined = undefined;
  return new Map(
    items.map((item) => {
      const text = item.fieldRef
        ? fieldOf(pod, item.fieldRef.fieldPath, sources)
        : item.resourceFieldRef
          ? resourceOf(pod, own, item.resourceFieldRef, sources.allocatable)
          : '';
      return [safePath(item.path), { data: Buffer.from(text), mode: item.mode ?? mode }];
    }),
  );
}

/** Without a token from the API server the file is left out: nothing in the pod can mistake it for a real one. */
function tokenFile(source: { readonly path: string; readonly audience?: string }, sources: PayloadSources): Payload {
  const token = sources.tokens?.get(source.audience ?? '');
  return token === undefined ? new Map() : new Map([[safePath(source.path), { data: Buffer.from(token), mode: standardMode }]]);
}

function safePath(path: string): string {
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw new KindError('invalid', `invalid path "${path}": must be relative and not contain ".."`);
  return path;
}
