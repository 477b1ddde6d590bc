import { newUid, randomSuffix } from '../../../base/ids.ts';
import { compact, equal } from '../json.ts';
import { apiVersion, type Resource } from '../resources.ts';
import { apiError, conflict, invalid } from '../status.ts';
import { timestamp } from '../timestamp.ts';
import { validateMetadata, validateMetadataUpdate } from '../strategies/metadata.ts';
import type { Body } from '../strategies/strategy.ts';

/** A new object with names, identity and initial status, before defaults. Pure but for uid and generated name. */
export function identify(resource: Resource, object: Body, namespace: string | undefined, now: Date): Body {
  const { name, generateName } = object.metadata;
  const metadata = compact({
    ...object.metadata,
    name: name || (generateName ? `${generateName.slice(0, 58)}${randomSuffix(5)}` : undefined),
    namespace: resource.namespaced ? namespace : undefined,
    uid: newUid(),
    creationTimestamp: timestamp(now),
    generation: resource.countsGeneration ? 1 : undefined,
    resourceVersion: undefined,
    selfLink: undefined,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
  });
  const { status, ...rest } = object;
  const keepsStatus = !resource.hasStatus || resource.resource === 'nodes';
  return {
    ...rest,
    ...(keepsStatus && status !== undefined && { status }),
    apiVersion: apiVersion(resource),
    kind: resource.kind,
    metadata,
  } as Body;
}

/** What admission made of a new object: who it is stays as it was. */
export function keepIdentity(object: Body, identified: Body): Body {
  const { name, namespace, uid, creationTimestamp, generation } = identified.metadata;
  return { ...object, metadata: compact({ ...object.metadata, name, namespace, uid, creationTimestamp, generation }) as Body['metadata'] };
}

/** The new object of an update: server-owned fields from the current one, spec or status according to the subresource. */
export function succeed(resource: Resource, current: Body, next: Body, subresource: 'status' | undefined): Body {
  if (next.metadata.uid && next.metadata.uid !== current.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${next.metadata.uid}, UID in object meta: ${current.metadata.uid}`;
    throw conflict(resource, current.metadata.name ?? '', why);
  }
  const own = pick(current);
  if (subresource === 'status') {
    const keepsLabels = resource.resource === 'pods' || resource.resource === 'nodes';
    const { labels, annotations } = keepsLabels ? next.metadata : current.metadata;
    return clean({
      ...current,
      status: next.status,
      metadata: compact({ ...current.metadata, labels, annotations, managedFields: next.metadata.managedFields }),
    });
  }
  const metadata = compact({ ...next.metadata, ...own, name: next.metadata.name ?? current.metadata.name });
  const merged = {
    ...next,
    apiVersion: current.apiVersion,
    kind: current.kind,
    metadata,
    ...(resource.hasStatus && { status: current.status }),
  } as Body;
  return clean(counts(resource, current, merged));
}

function pick({ metadata }: Body): object {
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, namespace, resourceVersion } = metadata;
  return { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, namespace, resourceVersion };
}

function counts(resource: Resource, current: Body, next: Body): Body {
  if (!resource.countsGeneration) return next;
  const content = ({ metadata: _metadata, status: _status, ...rest }: Body): object => rest;
  if (equal(content(current), content(next))) return next;
  return { ...next, metadata: { ...next.metadata, generation: (current.metadata.generation ?? 0) + 1 } };
}

function clean(object: Body): Body {
  return compact(object) as Body;
}

export function assertValid(resource: Resource, object: Body): void {
  const causes = [
    ...validateMetadata(resource, object),
    ...resource.strategy.validate(object),
    ...(resource.strategy.validateCreate?.(object) ?? []),
  ];
  if (causes.length > 0) throw invalid(resource, object.metadata.name ?? '', causes);
}

export function assertValidUpdate(resource: Resource, object: Body, before: Body, subresource?: string): void {
  const causes = [
    ...validateMetadata(resource, object),
    ...validateMetadataUpdate(object, before),
    ...resource.strategy.validate(object),
    ...resource.strategy.validateUpdate(object, before, subresource),
  ];
  if (causes.length > 0) throw invalid(resource, object.metadata.name ?? '', causes);
}

/** Path and body must name the same object. */
export function assertAddressed(object: Body, name: string | undefined, namespace: string | undefined): void {
  if (namespace !== undefined && object.metadata.namespace && object.metadata.namespace !== namespace) {
    throw apiError('BadRequest', `the namespace of the provided object does not match the namespace sent on the request`);
  }
  if (name !== undefined && object.metadata.name && object.metadata.name !== name) {
    throw apiError('BadRequest', `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
  }
}
