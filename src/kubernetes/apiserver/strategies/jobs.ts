import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import type { LabelSelector } from '../../../api/kubernetes/types.generated.ts';
import { at, equal, isObject, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { templateLabels } from './metadata.ts';
import { validatePodSpec } from './pod-validation.ts';
import { baseStrategy, forbidden, immutable, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';
import { templateDefaults } from './workloads.ts';

const prefix = 'batch.kubernetes.io';
const maxInt32 = 2_147_483_647;

/** A JobSpec with everything that kube-apiserver fills in but the selector. */
export function jobSpecDefaults(spec: JsonObject): JsonObject {
  const counts =
    spec['completions'] === undefined && spec['parallelism'] === undefined
      ? { completions: 1, parallelism: 1 }
      : { parallelism: spec['parallelism'] ?? 1 };
  const policy = objectOf(spec['podFailurePolicy']);
  return {
    backoffLimit: spec['backoffLimitPerIndex'] === undefined ? 6 : maxInt32,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: isObject(spec['podFailurePolicy']) ? 'Failed' : 'TerminatingOrFailed',
    ...spec,
    ...counts,
    ...(isObject(spec['podFailurePolicy']) && { podFailurePolicy: { ...policy, rules: objectsOf(policy['rules']).map(ruleDefaults) } }),
    template: templateDefaults(spec),
  };
}

function ruleDefaults(rule: JsonObject): JsonObject {
  const patterns = rule['onPodConditions'];
  return patterns === undefined ? rule : { ...rule, onPodConditions: objectsOf(patterns).map((one) => ({ status: 'True', ...one })) };
}

/** A Job finds its pods by its own UID; `manualSelector` leaves that to the user. */
function withSelector(job: Body): Body {
  const spec = objectOf(job.spec);
  if (spec['manualSelector'] === true) return job;
  const { uid = '', name = '' } = job.metadata;
  const template = objectOf(spec['template']);
  const labels = {
    ...templateLabels(job),
    [`${prefix}/controller-uid`]: uid,
    'controller-uid': uid,
    [`${prefix}/job-name`]: name,
    'job-name': name,
  };
  const matchLabels = { ...objectOf(at(spec, 'selector', 'matchLabels')), [`${prefix}/controller-uid`]: uid };
  return {
    ...job,
    metadata: { ...job.metadata, labels: job.metadata.labels ?? labels },
    spec: {
      ...spec,
      selector: { ...objectOf(spec['selector']), matchLabels },
      template: { ...template, metadata: { ...objectOf(template['metadata']), labels } },
    },
  };
}

const counts = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
];

/** `path`: `spec`, or `spec.jobTemplate.spec`. */
export function validateJobSpec(spec: JsonObject, path: string): readonly FieldCause[] {
  const template = objectOf(at(spec, 'template', 'spec'));
  const policy = textOf(template['restartPolicy']);
  const isIndexed = spec['completionMode'] === 'Indexed';
  const negative = counts.filter((name) => Number(spec[name] ?? 0) < 0);
  const mode = textOf(spec['completionMode'] ?? 'NonIndexed');
  const replacement = textOf(spec['podReplacementPolicy'] ?? 'Failed');
  return [
    ...negative.map((name) => invalid(`${path}.${name}`, spec[name], 'must be greater than or equal to 0')),
    ...(['NonIndexed', 'Indexed'].includes(mode) ? [] : [unsupported(`${path}.completionMode`, mode, ['Indexed', 'NonIndexed'])]),
    ...(isIndexed && spec['completions'] === undefined ? [required(`${path}.completions`, 'when completion mode is Indexed')] : []),
    ...(isIndexed && Number(spec['parallelism'] ?? 0) > 100_000
      ? [invalid(`${path}.parallelism`, spec['parallelism'], 'must be less than or equal to 100000 when completion mode is Indexed')]
      : []),
    ...(spec['backoffLimitPerIndex'] !== undefined && !isIndexed
      ? [invalid(`${path}.backoffLimitPerIndex`, spec['backoffLimitPerIndex'], 'requires indexed completion mode')]
      : []),
    ...(spec['maxFailedIndexes'] !== undefined && spec['backoffLimitPerIndex'] === undefined
      ? [required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')]
      : []),
    ...(['Failed', 'TerminatingOrFailed'].includes(replacement)
      ? []
      : [unsupported(`${path}.podReplacementPolicy`, replacement, ['Failed', 'TerminatingOrFailed'])]),
    ...validateFailurePolicy(spec, path, policy),
    ...(spec['successPolicy'] !== undefined && !isIndexed
      ? [invalid(`${path}.successPolicy`, '', 'requires indexed completion mode')]
      : []),
    ...validatePodSpec(template, `${path}.template.spec`),
    ...(policy === 'OnFailure' || policy === 'Never'
      ? []
      : [required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')]),
  ];
}

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

function validateFailurePolicy(spec: JsonObject, path: string, restartPolicy: string): readonly FieldCause[] {
  if (!isObject(spec['podFailurePolicy'])) return [];
  const policyPath = `${path}.podFailurePolicy`;
  const rules = objectsOf(spec['podFailurePolicy']['rules']);
  return [
    ...(restartPolicy === 'Never'
      ? []
      : [invalid(`${path}.template.spec.restartPolicy`, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified')]),
    ...(spec['podReplacementPolicy'] === 'TerminatingOrFailed'
      ? [unsupported(`${path}.podReplacementPolicy`, 'TerminatingOrFailed', ['Failed'])]
      : []),
    ...rules.flatMap((rule, index) => validateRule(rule, `${policyPath}.rules[${index}]`, spec)),
  ];
}

function validateRule(rule: JsonObject, path: string, spec: JsonObject): readonly FieldCause[] {
  const action = textOf(rule['action']);
  const codes = rule['onExitCodes'];
  const patterns = objectsOf(rule['onPodConditions']);
  const isBoth = isObject(codes) && patterns.length > 0;
  const isNeither = !isObject(codes) && patterns.length === 0;
  return [
    ...(action === '' ? [required(`${path}.action`, `valid values: ${actions.map((one) => JSON.stringify(one)).join(', ')}`)] : []),
    ...(action !== '' && !actions.includes(action) ? [unsupported(`${path}.action`, action, actions)] : []),
    ...(action === 'FailIndex' && spec['backoffLimitPerIndex'] === undefined
      ? [invalid(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set')]
      : []),
    ...(isBoth ? [invalid(path, '', 'specifying both OnExitCodes and OnPodConditions is not supported')] : []),
    ...(isNeither ? [invalid(path, '', 'specifying one of OnExitCodes and OnPodConditions is required')] : []),
    ...(isObject(codes) && !['In', 'NotIn'].includes(textOf(codes['operator']))
      ? [unsupported(`${path}.onExitCodes.operator`, textOf(codes['operator']), ['In', 'NotIn'])]
      : []),
    ...(isObject(codes) && codes['operator'] === 'In' && Array.isArray(codes['values']) && codes['values'].includes(0)
      ? [invalid(`${path}.onExitCodes.values[0]`, 0, 'must not be 0 for the In operator')]
      : []),
  ];
}

function validateSelector(job: Body): readonly FieldCause[] {
  const selector = at(job, 'spec', 'selector');
  if (!isObject(selector)) return [required('spec.selector')];
  const labels = templateLabels(job);
  if (matchesLabels(selector as LabelSelector, labels)) return [];
  return [invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
}

const fixedFields = ['selector', 'completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'];
/** Scheduling directives may change while a Job that never ran is suspended. */
const directives = ['nodeSelector', 'affinity', 'tolerations', 'schedulingGates'];

function validateUpdate(job: Body, before: Body): readonly FieldCause[] {
  const [now, old] = [objectOf(job.spec), objectOf(before.spec)];
  const isElastic = now['completionMode'] === 'Indexed' && equal(now['completions'], now['parallelism']);
  const isOpen = old['suspend'] === true && before.status?.['startTime'] === undefined;
  const [template, oldTemplate] = isOpen ? [frozen(now), frozen(old)] : [now['template'], old['template']];
  return [
    ...(isElastic ? [] : immutable('spec.completions', now['completions'], old['completions'])),
    ...fixedFields.flatMap((field) =>
      equal(now[field], old[field]) ? [] : [invalid(`spec.${field}`, now[field] ?? null, 'field is immutable')],
    ),
    ...(equal(template, oldTemplate) ? [] : [invalid('spec.template', now['template'], 'field is immutable')]),
  ];
}

function frozen(spec: JsonObject): unknown {
  const template = objectOf(spec['template']);
  const pod = Object.entries(objectOf(template['spec'])).filter(([key]) => !directives.includes(key));
  return { ...template, metadata: {}, spec: Object.fromEntries(pod) };
}

export const jobStrategy: Strategy = {
  ...baseStrategy,
  defaults: (job) => ({ ...job, spec: jobSpecDefaults(objectOf(job.spec)) }),
  prepareForCreate: (job) => ({ ...withSelector(job), status: {} }),
  validate: (job) => [...validateSelector(job), ...validateJobSpec(objectOf(job.spec), 'spec')],
  validateUpdate,
  selectableFields: { 'status.successful': (job) => textOf(job.status?.['succeeded'] ?? 0) },
};

/** Forbidden in the template of a CronJob: its Jobs find their pods by themselves. */
export function validateJobTemplate(spec: JsonObject, path: string): readonly FieldCause[] {
  return [
    ...validateJobSpec(spec, path),
    ...(spec['selector'] === undefined ? [] : [invalid(`${path}.selector`, spec['selector'], '`selector` will be auto-generated')]),
    ...(spec['manualSelector'] === true ? [forbidden(`${path}.manualSelector`, 'must be false or not set')] : []),
  ];
}
