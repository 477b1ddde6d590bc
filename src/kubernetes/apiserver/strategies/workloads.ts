import type { LabelSelector } from '../../../api/kubernetes/types.generated.ts';
import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { at, equal, isObject, numberOf, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { templateLabels } from './metadata.ts';
import { checkLabels } from './names.ts';
import { podSpecDefaults } from './pod-defaults.ts';
import { validatePodSpec } from './pod-validation.ts';
import { baseStrategy, forbidden, immutable, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';

export function templateDefaults(spec: JsonObject): JsonObject {
  const template = objectOf(spec['template']);
  return { ...template, metadata: objectOf(template['metadata']), spec: podSpecDefaults(objectOf(template['spec'])) };
}

export function validateWorkload(object: Body): readonly FieldCause[] {
  const spec = objectOf(object.spec);
  const replicas = numberOf(spec['replicas']);
  const template = objectOf(at(spec, 'template', 'spec'));
  const policy = textOf(template['restartPolicy']);
  return [
    ...(replicas < 0 ? [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')] : []),
    ...validateSelector(object),
    ...checkLabels('spec.template.labels', templateLabels(object)),
    ...validatePodSpec(template, 'spec.template.spec'),
    ...(policy !== 'Always' && policy ? [unsupported('spec.template.spec.restartPolicy', policy, ['Always'])] : []),
  ];
}

function validateSelector(object: Body): readonly FieldCause[] {
  const selector = at(object, 'spec', 'selector');
  if (!isObject(selector)) return [required('spec.selector')];
  if (!selector['matchLabels'] && !selector['matchExpressions']) {
    return [invalid('spec.selector', selector, `empty selector is invalid for ${object.kind.toLowerCase()}`)];
  }
  const labels = templateLabels(object);
  if (matchesLabels(selector as LabelSelector, labels)) return [];
  return [invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
}

export const selectorImmutable = (object: Body, before: Body): readonly FieldCause[] =>
  immutable('spec.selector', at(object, 'spec', 'selector'), at(before, 'spec', 'selector'));

const replicasField = { 'status.replicas': (object: Body): string => textOf(object.status?.['replicas']) };

export const deploymentStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const spec = objectOf(object.spec);
    const strategy = objectOf(spec['strategy']);
    const type = strategy['type'] ?? 'RollingUpdate';
    const rollingUpdate =
      type === 'RollingUpdate' ? { rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%', ...objectOf(strategy['rollingUpdate']) } } : {};
    return {
      ...object,
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        ...spec,
        strategy: { ...strategy, type, ...rollingUpdate },
        template: templateDefaults(spec),
      },
    };
  },
  prepareForCreate: (object) => ({ ...object, status: {} }),
  validate: (object) => [...validateWorkload(object), ...validateStrategy(objectOf(at(object, 'spec', 'strategy')))],
  validateUpdate: selectorImmutable,
};

function validateStrategy(strategy: JsonObject): readonly FieldCause[] {
  if (strategy['type'] !== 'RollingUpdate' && strategy['type'] !== 'Recreate') {
    return [unsupported('spec.strategy.type', strategy['type'], ['Recreate', 'RollingUpdate'])];
  }
  if (strategy['type'] === 'Recreate') {
    const text = "may not be specified when strategy `type` is 'Recreate'";
    return strategy['rollingUpdate'] === undefined ? [] : [forbidden('spec.strategy.rollingUpdate', text)];
  }
  const { maxSurge, maxUnavailable } = objectOf(strategy['rollingUpdate']);
  const isZero = (value: unknown): boolean => value === 0 || value === '0%' || value === '0';
  return isZero(maxSurge) && isZero(maxUnavailable)
    ? [invalid('spec.strategy.rollingUpdate.maxUnavailable', maxUnavailable, 'may not be 0 when `maxSurge` is 0')]
    : [];
}

export const replicaSetStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const spec = objectOf(object.spec);
    return { ...object, spec: { replicas: 1, ...spec, template: templateDefaults(spec) } };
  },
  prepareForCreate: (object) => ({ ...object, status: { replicas: 0 } }),
  validate: validateWorkload,
  validateUpdate: selectorImmutable,
  selectableFields: replicasField,
};

export const podTemplateStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({ ...object, template: templateDefaults({ template: object['template'] }) }),
  validate: (object) => [
    ...checkLabels('template.labels', objectOf(at(object, 'template', 'metadata', 'labels')) as Readonly<Record<string, string>>),
    ...validatePodSpec(objectOf(at(object, 'template', 'spec')), 'template.spec'),
  ],
};

const statefulSetText =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const statefulSetMutable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

function claimDefaults(claim: JsonObject): JsonObject {
  return {
    ...claim,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    spec: { volumeMode: 'Filesystem', ...objectOf(claim['spec']) },
    status: { phase: 'Pending' },
  };
}

export const statefulSetStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const spec = objectOf(object.spec);
    const update = objectOf(spec['updateStrategy']);
    const type = update['type'] ?? 'RollingUpdate';
    const rollingUpdate = type === 'RollingUpdate' ? { rollingUpdate: { partition: 0, ...objectOf(update['rollingUpdate']) } } : {};
    return {
      ...object,
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        podManagementPolicy: 'OrderedReady',
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        ...spec,
        updateStrategy: { ...update, type, ...rollingUpdate },
        template: templateDefaults(spec),
        ...(spec['volumeClaimTemplates'] !== undefined && {
          volumeClaimTemplates: objectsOf(spec['volumeClaimTemplates']).map(claimDefaults),
        }),
      },
    };
  },
  prepareForCreate: (object) => ({ ...object, status: { replicas: 0, availableReplicas: 0 } }),
  validate: (object) => {
    // Claims of the templates are volumes of the template's pods.
    const claims = objectsOf(at(object, 'spec', 'volumeClaimTemplates')).map((claim) => textOf(at(claim, 'metadata', 'name')));
    return validateWorkload(object).filter(
      (cause) =>
        !(cause.reason === 'FieldValueNotFound' && claims.includes(JSON.parse(cause.message.replace('Not found: ', '')) as string)),
    );
  },
  validateUpdate: (object, before) => {
    const fixed = (body: Body): JsonObject =>
      Object.fromEntries(Object.entries(objectOf(body.spec)).filter(([key]) => !statefulSetMutable.includes(key)));
    return equal(fixed(object), fixed(before)) ? [] : [forbidden('spec', statefulSetText)];
  },
  selectableFields: replicasField,
};
