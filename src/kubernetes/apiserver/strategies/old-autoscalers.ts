import { at, compact, isObject, objectOf, objectsOf, type JsonObject } from '../json.ts';
import type { Conversion } from '../registry/conversion.ts';
import type { Body } from './strategy.ts';

/** What autoscaling/v1 has no field for it keeps here, as upstream does. */
const kept = 'autoscaling.alpha.kubernetes.io/metrics';

const isCpu = (metric: JsonObject): boolean =>
  at(metric, 'resource', 'name') === 'cpu' && at(metric, 'resource', 'target', 'type') === 'Utilization';

function shown(object: Body): Body {
  const { metrics, behavior: _behavior, ...spec } = objectOf(object.spec);
  const { currentMetrics, conditions: _conditions, ...status } = objectOf(object.status);
  const all = objectsOf(metrics);
  const others = all.filter((one) => !isCpu(one));
  const annotations = { ...object.metadata.annotations, ...(others.length > 0 && { [kept]: JSON.stringify(others) }) };
  const current = objectsOf(currentMetrics).find((one) => at(one, 'resource', 'name') === 'cpu');
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: { ...object.metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: compact({ ...spec, targetCPUUtilizationPercentage: at(all.find(isCpu), 'resource', 'target', 'averageUtilization') }),
    status: compact({
      currentReplicas: 0,
      desiredReplicas: 0,
      ...status,
      currentCPUUtilizationPercentage: at(current, 'resource', 'current', 'averageUtilization'),
    }),
  };
}

function stored(object: Body): Body {
  const { targetCPUUtilizationPercentage: percentage, ...spec } = objectOf(object.spec);
  const { currentCPUUtilizationPercentage: _current, ...status } = objectOf(object.status);
  const { [kept]: others, ...annotations } = object.metadata.annotations ?? {};
  const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percentage } } };
  const metrics = [...(percentage === undefined ? [] : [cpu]), ...parsed(others)];
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: compact({
      ...object.metadata,
      annotations: Object.keys(annotations).length > 0 ? annotations : undefined,
    }) as Body['metadata'],
    spec: { ...spec, ...(metrics.length > 0 && { metrics }) },
    ...(object.status && { status }),
  };
}

function parsed(text: string | undefined): readonly JsonObject[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter(isObject) : [];
  } catch {
    return [];
  }
}

/** autoscaling/v1 shows the objects of autoscaling/v2: one number for the processor, and the rest in an annotation. */
export const oldAutoscalerConversion: Conversion = {
  fromStorage: (objects) => objects.map(shown),
  toStorage: stored,
};
