import type { Kind, KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { OwnerReference } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { objectKey, type Named, type Record } from '../../client/acts.ts';
import type { Client } from '../../client/client.ts';
import { causeOf, startController, type Controller, type Source } from '../../client/controller.ts';
import type { Informer, ObjectChange } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import { keyOf } from '../../client/object-cache.ts';
import { allKinds, kindNamed } from '../all-kinds.ts';
import { getIfExists } from '../owned.ts';
import { nodeKey, OwnerGraph, ownerUids, splitNodeKey } from './graph.ts';
import { foreground, orphan, ownerState, verdictOn } from './plan.ts';

/** Events own nothing and are owned by nothing. */
const collected = allKinds.filter((kind) => kind.resource !== 'events');

export interface GarbageCollectorOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly log: Log;
  readonly record: Record | undefined;
}

/**
 * Deletes what nobody owns any more.
 *
 *   owner deleted (background) ─► dependents dangle ─► deleted
 *   owner has `foregroundDeletion` ─► dependents deleted ─► none blocks ─► finalizer removed ─► owner goes
 *   owner has `orphan` ─► dependents lose their reference ─► finalizer removed ─► owner goes
 */
export function startGarbageCollector({ client, informers, log, record }: GarbageCollectorOptions): Controller {
  const graph = new OwnerGraph();
  return startController({
    name: 'garbage-collector',
    client,
    log,
    ...(record && { record }),
    namedBy: named,
    sources: collected.map((kind) => graphSource(informers.of(kind), graph)),
    reconcile: (key, context) => collect(key, graph, context.client),
  });
}

function graphSource(from: Informer<KubernetesObject>, graph: OwnerGraph): Source {
  return {
    synced: from.synced,
    subscribe: (add) =>
      from.onChange((change) => {
        const { object, previous, type } = change;
        graph.replace(from.kind, previous, type === 'deleted' ? undefined : object);
        const cause = causeOf(from.kind, change);
        for (const key of concerned(from.kind, change, graph)) add(key, cause);
      }),
  };
}

/** Status changes concern nobody; a deletion concerns the dependents, and the owners that wait for it. */
function concerned(kind: Kind, { type, object, previous }: ObjectChange<KubernetesObject>, graph: OwnerGraph): readonly string[] {
  if (type === 'deleted') return [...graph.dependentsOf(object.metadata.uid ?? ''), ...ownersOf(object)];
  const facts = ({ metadata }: KubernetesObject): string =>
    JSON.stringify([metadata.ownerReferences, metadata.finalizers, metadata.deletionTimestamp]);
  if (previous && facts(previous) === facts(object)) return [];
  const isCollectable = ownerUids(object).length > 0 || object.metadata.deletionTimestamp !== undefined;
  return isCollectable ? [nodeKey(kind, object), ...(previous ? ownersOf(previous) : [])] : [];
}

function ownersOf(object: KubernetesObject): readonly string[] {
  return (object.metadata.ownerReferences ?? []).flatMap((reference) => {
    const kind = kindNamed(reference.apiVersion, reference.kind);
    return kind ? [nodeKey(kind, placeholder(kind, reference, object))] : [];
  });
}

function placeholder(kind: Kind, reference: OwnerReference, dependent: KubernetesObject): KubernetesObject {
  const namespace = kind.namespaced ? dependent.metadata.namespace : undefined;
  return { apiVersion: '', kind: '', metadata: { namespace, name: reference.name } };
}

async function collect(key: string, graph: OwnerGraph, client: Client): Promise<void> {
  await withObject(client, key, async (kind, object) => {
    const dependents = graph.dependentsOf(object.metadata.uid ?? '');
    if (object.metadata.deletionTimestamp) await finish(kind, object, dependents, client);
    else await judge(client, kind, object, dependents.length > 0);
  });
}

/** Deletes the object, or the references to owners that are gone, or nothing. */
async function judge(client: Client, kind: Kind, object: KubernetesObject, hasDependents: boolean): Promise<void> {
  const references = object.metadata.ownerReferences ?? [];
  const states = await Promise.all(references.map(async (reference) => ownerState(reference, await ownerFor(client, reference, object))));
  const verdict = verdictOn(object, states, hasDependents);
  if (verdict.type === 'release') await setReferences(client, kind, object, verdict.references);
  if (verdict.type !== 'delete') return;
  const { uid, resourceVersion } = object.metadata;
  await client.delete(kind, objectKey(keyOf(object)), { uid, resourceVersion, propagationPolicy: verdict.policy }).catch(ignoreGone);
}

/** An owner of a kind that is not served is taken as being there: nothing is deleted on a guess. */
async function ownerFor(client: Client, reference: OwnerReference, dependent: KubernetesObject): Promise<KubernetesObject | undefined> {
  const kind = kindNamed(reference.apiVersion, reference.kind);
  if (!kind) return { apiVersion: reference.apiVersion, kind: reference.kind, metadata: { name: reference.name, uid: reference.uid } };
  return getIfExists(client, kind, objectKey(keyOf(placeholder(kind, reference, dependent))));
}

/** An object that is being deleted and waits for its dependents. */
async function finish(kind: Kind, object: KubernetesObject, dependents: readonly string[], client: Client): Promise<void> {
  const finalizers = object.metadata.finalizers ?? [];
  const uid = object.metadata.uid ?? '';
  if (finalizers.includes(orphan)) {
    for (const dependent of dependents) await withObject(client, dependent, (itsKind, it) => disown(client, itsKind, it, uid));
    return removeFinalizer(client, kind, object, orphan);
  }
  if (!finalizers.includes(foreground)) return;
  let isBlocked = false;
  for (const dependent of dependents) {
    await withObject(client, dependent, async (itsKind, it) => {
      const reference = it.metadata.ownerReferences?.find((one) => one.uid === uid);
      isBlocked ||= reference?.blockOwnerDeletion === true;
      if (reference && !it.metadata.deletionTimestamp) await judge(client, itsKind, it, itsKind.resource !== 'pods');
    });
  }
  if (!isBlocked) await removeFinalizer(client, kind, object, foreground);
}

function kindOf(resource: string): Kind | undefined {
  return collected.find((kind) => `${kind.resource}.${kind.group}` === resource);
}

function named(node: string): Named {
  const { resource, key } = splitNodeKey(node);
  return { kind: kindOf(resource)?.kind ?? resource, key };
}

async function withObject(client: Client, key: string, use: (kind: Kind, object: KubernetesObject) => Promise<void>): Promise<void> {
  const { resource, key: name } = splitNodeKey(key);
  const kind = kindOf(resource);
  const object = kind && (await getIfExists(client, kind, objectKey(name)));
  if (kind && object) await use(kind, object);
}

async function disown(client: Client, kind: Kind, object: KubernetesObject, uid: string): Promise<void> {
  const references = (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
  if (references.length !== object.metadata.ownerReferences?.length) await setReferences(client, kind, object, references);
}

async function setReferences(
  client: Client,
  kind: Kind,
  object: KubernetesObject,
  ownerReferences: readonly OwnerReference[],
): Promise<void> {
  await client.update(kind, { ...object, metadata: { ...object.metadata, ownerReferences } });
}

async function removeFinalizer(client: Client, kind: Kind, object: KubernetesObject, finalizer: string): Promise<void> {
  const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  await client.update(kind, { ...object, metadata: { ...object.metadata, finalizers } });
}

function ignoreGone(error: unknown): void {
  if (!isKind(error, 'notFound')) throw error;
}
