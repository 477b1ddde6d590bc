import { createHash } from 'node:crypto';
import { load } from 'js-yaml';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { KindError } from '../../../base/errors.ts';

export const annotations = {
  source: 'kubernetes.io/config.source',
  hash: 'kubernetes.io/config.hash',
  mirror: 'kubernetes.io/config.mirror',
} as const;

/**
 * The pod that a manifest on this node means: `web` in a file of node n1 is `web-n1`. Its UID comes from what the file says, so that the
 * same file is the same pod after a restart and a changed one is another. Throws `invalid`.
 */
export function staticPodOf(text: string, file: string, nodeName: string): Pod {
  const { metadata, spec, ...rest } = parsed(text, file);
  if (
    rest.apiVersion !== 'v1' ||
    rest.kind !== 'Pod' ||
    !metadata?.name ||
    !Array.isArray(spec?.containers) ||
    spec.containers.length === 0
  )
    throw new KindError('invalid', `${file} holds no v1 Pod with a name and containers`);
  const hash = createHash('sha256')
    .update(JSON.stringify([nodeName, file, text]))
    .digest('hex')
    .slice(0, 32);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      name: `${metadata.name}-${nodeName}`.toLowerCase(),
      namespace: metadata.namespace ?? 'default',
      uid: hash,
      annotations: { ...metadata.annotations, [annotations.hash]: hash, [annotations.source]: 'file' },
    },
    spec: { ...spec, nodeName, tolerations: [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }] },
  };
}

/** What the API server shows of a static pod. */
export function mirrorOf({ metadata, spec, ...rest }: Pod, node: { readonly name: string; readonly uid: string }): Pod {
  const { uid = '', ...own } = metadata;
  return {
    ...rest,
    metadata: {
      ...own,
      annotations: { ...own.annotations, [annotations.mirror]: uid },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid, controller: true }],
    },
    ...(spec && { spec }),
  };
}

export function isMirror(pod: Pod | undefined): boolean {
  return pod?.metadata.annotations?.[annotations.mirror] !== undefined;
}

function parsed(text: string, file: string): Partial<Pod> {
  try {
    const value: unknown = load(text);
    if (typeof value === 'object' && value !== null) return value as Partial<Pod>;
  } catch (error) {
    throw new KindError('invalid', `${file} is neither YAML nor JSON`, { cause: error });
  }
  throw new KindError('invalid', `${file} holds no object`);
}
