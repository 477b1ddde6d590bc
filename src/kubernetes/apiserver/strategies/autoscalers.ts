import { isObject, numberOf, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { baseStrategy, invalid, required, type Body, type Strategy } from './strategy.ts';

const cpuAt80 = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } };

/** What a `behavior` that names only a part leaves to the defaults. */
const scaleUp = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const scaleDown = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };

function defaults(scaler: Body): Body {
  const spec = objectOf(scaler.spec);
  const metrics = objectsOf(spec['metrics']);
  const behavior = spec['behavior'];
  return {
    ...scaler,
    spec: {
      minReplicas: 1,
      ...spec,
      metrics: metrics.length > 0 ? metrics : [cpuAt80],
      ...(isObject(behavior) && {
        behavior: {
          scaleUp: { ...scaleUp, ...objectOf(behavior['scaleUp']) },
          scaleDown: { ...scaleDown, ...objectOf(behavior['scaleDown']) },
        },
      }),
    },
  };
}

function validate(scaler: Body): readonly FieldCause[] {
  const spec = objectOf(scaler.spec);
  const target = objectOf(spec['scaleTargetRef']);
  const [least, most] = [numberOf(spec['minReplicas']), numberOf(spec['maxReplicas'])];
  return [
    ...(least < 1 ? [invalid('spec.minReplicas', least, 'must be greater than or equal to 1')] : []),
    ...(most < 1 ? [invalid('spec.maxReplicas', most, 'must be greater than 0')] : []),
    ...(most < least ? [invalid('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`')] : []),
    ...(textOf(target['kind']) ? [] : [required('spec.scaleTargetRef.kind')]),
    ...(textOf(target['name']) ? [] : [required('spec.scaleTargetRef.name')]),
    ...objectsOf(spec['metrics']).flatMap((metric, index) => validateMetric(metric, `spec.metrics[${index}]`)),
  ];
}

const sources: Readonly<Record<string, string>> = {
  Resource: 'resource',
  ContainerResource: 'containerResource',
  Pods: 'pods',
  Object: 'object',
  External: 'external',
};

function validateMetric(metric: JsonObject, path: string): readonly FieldCause[] {
  const type = textOf(metric['type']);
  const field = sources[type];
  if (type === '') return [required(`${path}.type`, 'must specify a metric source type')];
  if (field === undefined) return [invalid(`${path}.type`, type, `must be a valid metric source type`)];
  const source = metric[field];
  if (!isObject(source)) return [required(`${path}.${field}`, 'must populate information for the given metric source')];
  const target = objectOf(source['target']);
  const isNamed = field !== 'resource' || textOf(source['name']) !== '';
  return [
    ...(isNamed ? [] : [required(`${path}.${field}.name`, 'must specify a resource name')]),
    ...(textOf(target['type']) ? [] : [required(`${path}.${field}.target.type`, 'must specify a metric target type')]),
    ...(numberOf(target['averageUtilization']) < 1 && target['averageUtilization'] !== undefined
      ? [invalid(`${path}.${field}.target.averageUtilization`, target['averageUtilization'], 'must be greater than 0')]
      : []),
  ];
}

export const autoscalerStrategy: Strategy = {
  ...baseStrategy,
  defaults,
  prepareForCreate: (scaler) => ({ ...scaler, status: { desiredReplicas: 0, currentMetrics: null } }),
  validate,
};
