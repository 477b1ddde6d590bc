import { equal, objectOf, objectsOf } from '../json.ts';
import { checkLabelName } from './names.ts';
import { baseStrategy, immutable, invalid, required, type Strategy } from './strategy.ts';

export const csiDriverStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({
    ...object,
    spec: {
      attachRequired: true,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      podInfoOnMount: false,
      requiresRepublish: false,
      seLinuxMount: false,
      storageCapacity: false,
      volumeLifecycleModes: ['Persistent'],
      ...objectOf(object.spec),
    },
  }),
  validateUpdate: (object, before) =>
    ['attachRequired', 'volumeLifecycleModes'].flatMap((field) => immutable(`spec.${field}`, object.spec?.[field], before.spec?.[field])),
};

export const volumeAttachmentStrategy: Strategy = {
  ...baseStrategy,
  prepareForCreate: (object) => ({ ...object, status: { attached: false } }),
  validate: (object) => ['attacher', 'nodeName'].flatMap((field) => (object.spec?.[field] ? [] : [required(`spec.${field}`)])),
  validateUpdate: (object, before) => (equal(object.spec, before.spec) ? [] : [invalid('spec', object.spec, 'field is immutable')]),
};

export const volumeAttributesClassStrategy: Strategy = {
  ...baseStrategy,
  validate: (object) => (object['driverName'] ? [] : [required('driverName')]),
  validateUpdate: (object, before) => ['driverName', 'parameters'].flatMap((field) => immutable(field, object[field], before[field])),
};

/** How a node is told to run a pod's containers (node.k8s.io). */
export const runtimeClassStrategy: Strategy = {
  ...baseStrategy,
  validate: (object) => [
    ...checkLabelName('handler', String(object['handler'] ?? '')),
    ...objectsOf(objectOf(object['scheduling'])['tolerations']).flatMap((one, index) =>
      one['key'] === undefined && one['operator'] !== 'Exists'
        ? [invalid(`scheduling.tolerations[${index}].operator`, one['operator'] ?? '', 'operator must be Exists when `key` is empty')]
        : [],
    ),
  ],
  validateUpdate: (object, before) => immutable('handler', object['handler'], before['handler']),
};
