import { at, compact, equal, numberOf, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { podAdmission, podSpecDefaults, qosClass } from './pod-defaults.ts';
import { validatePodSpec } from './pod-validation.ts';
import { baseStrategy, forbidden, invalid, type Body, type Strategy } from './strategy.ts';

const mutable = new Set([
  'schedulingGates',
  'containers',
  'initContainers',
  'activeDeadlineSeconds',
  'tolerations',
  'terminationGracePeriodSeconds',
]);

const updateText =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** The spec with what an update may change taken out; resources change by `resize` alone. */
function frozen(spec: JsonObject, subresource: string | undefined): JsonObject {
  const given = subresource === 'resize' ? { resources: undefined, resizePolicy: undefined } : {};
  const images = (field: string): JsonObject => ({
    [field]: objectsOf(spec[field]).map((one) => ({ ...one, image: undefined, ...given })),
  });
  return compact({
    ...Object.fromEntries(Object.entries(spec).filter(([key]) => !mutable.has(key))),
    ...images('containers'),
    ...images('initContainers'),
  });
}

function validateUpdate(object: Body, before: Body, subresource?: string): readonly FieldCause[] {
  if (subresource === 'ephemeralcontainers') return validateEphemeral(object, before);
  const [now, old] = [objectOf(object.spec), objectOf(before.spec)];
  const gates = (spec: JsonObject): readonly string[] => objectsOf(spec['schedulingGates']).map((gate) => textOf(gate['name']));
  const added = gates(now).filter((name) => !gates(old).includes(name));
  if (added.length > 0) {
    return [forbidden('spec.schedulingGates', `only deletion is allowed, but found new scheduling gates: ${JSON.stringify(added)}`)];
  }
  const [left, right] = [now, old].map((spec) => JSON.parse(JSON.stringify(frozen(spec, subresource))) as JsonObject);
  if (subresource === 'resize' && qosClass(now) !== qosClass(old))
    return [invalid('spec', qosClass(now), 'Pod QOS Class may not change as a result of resizing')];
  return equal(left, right) ? [] : [forbidden('spec', updateText)];
}

/** A gated pod says from the start why nobody places it. */
function gatedCondition(spec: JsonObject): object {
  if (objectsOf(spec['schedulingGates']).length === 0) return {};
  const message = 'Scheduling is blocked due to non-empty scheduling gates';
  return { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message, lastTransitionTime: null }] };
}

/** Containers can be put into a running pod; those that are there stay as they are. */
function validateEphemeral(object: Body, before: Body): readonly FieldCause[] {
  const [now, old] = [object, before].map((one) => objectsOf(objectOf(one.spec)['ephemeralContainers'])) as [JsonObject[], JsonObject[]];
  return old.flatMap((one, index) => {
    const same = now.find((other) => other['name'] === one['name']);
    const field = `spec.ephemeralContainers[${index}]`;
    if (!same) return [forbidden(field, `existing ephemeral containers "${textOf(one['name'])}" may not be removed`)];
    return equal(same, one) ? [] : [forbidden(field, `existing ephemeral containers "${textOf(one['name'])}" may not be changed`)];
  });
}

/** Zero when nothing runs: not bound to a node, or already over. */
function gracePeriod(pod: Body): number {
  const phase = textOf(pod.status?.['phase']);
  if (!textOf(pod.spec?.['nodeName']) || phase === 'Succeeded' || phase === 'Failed') return 0;
  return numberOf(pod.spec?.['terminationGracePeriodSeconds'] ?? 30);
}

export const podStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => ({ ...object, spec: podSpecDefaults(objectOf(object.spec)) }),
  prepareForCreate: (object) => {
    const spec = podAdmission(objectOf(object.spec), object.metadata.annotations);
    return { ...object, spec, status: { phase: 'Pending', qosClass: qosClass(spec), ...gatedCondition(spec) } };
  },
  validate: (object) => validatePodSpec(objectOf(object.spec), 'spec'),
  validateUpdate,
  gracePeriod,
  selectableFields: {
    'spec.nodeName': (pod) => textOf(at(pod, 'spec', 'nodeName')),
    'spec.restartPolicy': (pod) => textOf(at(pod, 'spec', 'restartPolicy')),
    'spec.schedulerName': (pod) => textOf(at(pod, 'spec', 'schedulerName')),
    'spec.serviceAccountName': (pod) => textOf(at(pod, 'spec', 'serviceAccountName')),
    'spec.hostNetwork': (pod) => String(at(pod, 'spec', 'hostNetwork') === true),
    'status.phase': (pod) => textOf(at(pod, 'status', 'phase')),
    'status.podIP': (pod) => textOf(at(pod, 'status', 'podIP')),
    'status.nominatedNodeName': (pod) => textOf(at(pod, 'status', 'nominatedNodeName')),
  },
};
