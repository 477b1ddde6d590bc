import { compact, arrayOf } from '../json.ts';
import type { Resource } from '../resources.ts';
import { conflict } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { timestamp } from '../timestamp.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
}

const dependents = ['orphan', 'foregroundDeletion'];

/**
 * What deleting an object comes to: `undefined` removes it now, else the object marked as being deleted,
 * which its kubelet or its finalizers' owners will release.
 */
export function markDeleted(resource: Resource, object: Body, options: DeleteOptions, now: Date): Body | undefined {
  const policy = options.propagationPolicy ?? (options.orphanDependents === true ? 'Orphan' : undefined);
  const wanted = policy === 'Orphan' ? 'orphan' : policy === 'Foreground' ? 'foregroundDeletion' : undefined;
  const others = arrayOf(object.metadata.finalizers).filter((one) => policy === undefined || !dependents.includes(String(one)));
  const finalizers = wanted ? [...others, wanted] : others;
  const full = resource.strategy.gracePeriod(object);
  const known = object.metadata.deletionGracePeriodSeconds;
  // Nothing to wait for is nothing to wait for, whatever the request says; a second request can only shorten.
  const asked = full === undefined || full === 0 ? 0 : Math.max(0, options.gracePeriodSeconds ?? known ?? full);
  const grace = known === undefined || asked < known ? asked : known;
  const marked = {
    ...object,
    metadata: compact({
      ...object.metadata,
      finalizers: finalizers.length > 0 ? finalizers : undefined,
      generation:
        object.metadata.generation === undefined || object.metadata.deletionTimestamp
          ? object.metadata.generation
          : object.metadata.generation + 1,
      deletionTimestamp:
        known === grace && object.metadata.deletionTimestamp
          ? object.metadata.deletionTimestamp
          : timestamp(new Date(now.getTime() + grace * 1000)),
      deletionGracePeriodSeconds: grace,
    }),
    ...(resource.resource === 'namespaces' && { status: { ...object.status, phase: 'Terminating' } }),
  } as Body;
  return isReleased(marked) ? undefined : marked;
}

/** Being deleted, with nobody left to wait for. */
export function isReleased(object: Body): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (!deletionTimestamp || (deletionGracePeriodSeconds ?? 0) > 0) return false;
  const inner = object.kind === 'Namespace' ? arrayOf(object.spec?.['finalizers']) : [];
  return arrayOf(finalizers).length === 0 && inner.length === 0;
}

export function assertPreconditions(resource: Resource, object: Body, { preconditions }: DeleteOptions): void {
  const { name = '', uid, resourceVersion } = object.metadata;
  if (preconditions?.uid && preconditions.uid !== uid) {
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`);
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw conflict(
      resource,
      name,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  }
}
