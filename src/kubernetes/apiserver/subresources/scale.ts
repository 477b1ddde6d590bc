import { at, isObject, numberOf, objectOf, textOf } from '../json.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';

/** autoscaling/v1 Scale of a workload. */
export function scaleOf(object: Body): object {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberOf(object.spec?.['replicas']) },
    status: { replicas: numberOf(object.status?.['replicas']), selector: selectorText(object.spec?.['selector']) },
  };
}

/** The workload with the replicas of a Scale; a resourceVersion in the Scale must be the newest. */
export function scaledBy(object: Body, scale: unknown): Body {
  const replicas = at(scale, 'spec', 'replicas') ?? 0;
  if (!isObject(scale) || typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw apiError(
      'BadRequest',
      'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32',
    );
  }
  const resourceVersion = textOf(at(scale, 'metadata', 'resourceVersion')) || undefined;
  return { ...object, metadata: { ...object.metadata, ...(resourceVersion && { resourceVersion }) }, spec: { ...object.spec, replicas } };
}

function selectorText(selector: unknown): string {
  // A ReplicationController's selector is the map itself.
  const plain = at(selector, 'matchLabels') ?? (at(selector, 'matchExpressions') === undefined ? selector : {});
  const labels = Object.entries(objectOf(plain)).map(([key, value]) => `${key}=${textOf(value)}`);
  return labels.toSorted().join(',');
}
