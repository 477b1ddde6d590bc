import { namespaces, type Kind, type KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import { isKind } from '../../../base/errors.ts';
import type { Client } from '../../client/client.ts';
import { allKinds } from '../all-kinds.ts';
import { getIfExists } from '../owned.ts';
import { ownKey, type Reconciler } from '../reconciler.ts';

/** What makes other objects goes first, so that nothing is put back; the chronicle goes last. */
const order = ['deployments', 'statefulsets', 'replicasets'];
const contents: readonly Kind[] = allKinds.filter((kind) => kind.namespaced).toSorted((a, b) => rank(a) - rank(b));

function rank(kind: Kind): number {
  if (kind.resource === 'events') return order.length + 1;
  const index = order.indexOf(kind.resource);
  return index < 0 ? order.length : index;
}

/** Empties a namespace that is being deleted, then lets it go. */
export const namespaceController: Reconciler = {
  name: 'namespace-controller',
  triggers: [
    { kind: namespaces, keysOf: ownKey },
    // What stays after its deletion (finalizers, a pod's grace period) is heard of when it goes.
    ...contents.map((kind) => ({
      kind,
      keysOf: ({ metadata }: KubernetesObject) => (metadata.deletionTimestamp && metadata.namespace ? [{ name: metadata.namespace }] : []),
    })),
  ],
  async reconcile({ client }, { name }) {
    const namespace = await getIfExists(client, namespaces, { name });
    if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes('kubernetes')) return undefined;
    for (const kind of contents) await deleteAll(client, kind, name);
    const left = await leftIn(client, name);
    if (left.some(({ metadata }) => metadata.deletionTimestamp === undefined)) {
      throw new Error(`namespace ${name}: new objects appeared while it was emptied`);
    }
    if (left.length > 0) return undefined;
    const finalizers = namespace.spec.finalizers.filter((finalizer) => finalizer !== 'kubernetes');
    await client.update(namespaces, { ...namespace, spec: { ...namespace.spec, finalizers } }, 'finalize');
    return undefined;
  },
};

async function deleteAll(client: Client, kind: Kind, namespace: string): Promise<void> {
  const { items } = await client.list(kind, { namespace });
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp) continue;
    await client.delete(kind, { namespace, name: metadata.name ?? '' }, { propagationPolicy: 'Background' }).catch(ignoreGone);
  }
}

async function leftIn(client: Client, namespace: string): Promise<readonly KubernetesObject[]> {
  const lists = await Promise.all(contents.map((kind) => client.list(kind, { namespace })));
  return lists.flatMap((list) => list.items);
}

function ignoreGone(error: unknown): void {
  if (!isKind(error, 'notFound')) throw error;
}
