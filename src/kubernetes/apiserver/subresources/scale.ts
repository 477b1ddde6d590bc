import { at, isObject, numberOf, objectOf, textOf } from '../json.ts';
import { jsonPath } from '../customresources/json-path.ts';
import type { CustomTraits, Resource } from '../resources.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';

/** autoscaling/v1 Scale of a workload. */
export function scaleOf(object: Body, resource?: Resource): object {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    ...(resource?.custom?.scale ? customScale(object, resource.custom.scale) : builtInScale(object)),
  };
}

function builtInScale(object: Body): object {
  return {
    spec: { replicas: numberOf(object.spec?.['replicas']) },
    status: { replicas: numberOf(object.status?.['replicas']), selector: selectorText(object.spec?.['selector']) },
  };
}

function customScale(object: Body, { spec, status, selector }: NonNullable<CustomTraits['scale']>): object {
  const read = (path: string): unknown => jsonPath(path)(object)[0];
  const text = selector ? textOf(read(selector)) : '';
  return { spec: { replicas: numberOf(read(spec)) }, status: { replicas: numberOf(read(status)), ...(text && { selector: text }) } };
}

/** The workload with the replicas of a Scale; a resourceVersion in the Scale must be the newest. */
export function scaledBy(object: Body, scale: unknown, resource?: Resource): Body {
  const replicas = at(scale, 'spec', 'replicas') ?? 0;
  if (!isObject(scale) || typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw apiError(
      'BadRequest',
      'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32',
    );
  }
  const resourceVersion = textOf(at(scale, 'metadata', 'resourceVersion')) || undefined;
  const fields = (resource?.custom?.scale?.spec ?? '.spec.replicas').split('.').filter(Boolean);
  const scaled = withValue(object, fields, replicas) as Body;
  return { ...scaled, metadata: { ...object.metadata, ...(resourceVersion && { resourceVersion }) } };
}

function withValue(object: unknown, [field, ...rest]: readonly string[], value: unknown): unknown {
  if (field === undefined) return value;
  return { ...objectOf(object), [field]: withValue(objectOf(object)[field], rest, value) };
}

function selectorText(selector: unknown): string {
  // A ReplicationController's selector is the map itself.
  const plain = at(selector, 'matchLabels') ?? (at(selector, 'matchExpressions') === undefined ? selector : {});
  const labels = Object.entries(objectOf(plain)).map(([key, value]) => `${key}=${textOf(value)}`);
  return labels.toSorted().join(',');
}
