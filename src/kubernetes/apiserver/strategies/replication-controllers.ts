import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { at, numberOf, objectOf, textOf } from '../json.ts';
import { templateLabels } from './metadata.ts';
import { validatePodSpec } from './pod-validation.ts';
import { baseStrategy, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';
import { templateDefaults } from './workloads.ts';

const selectorOf = (object: Body): Readonly<Record<string, string>> =>
  objectOf(at(object, 'spec', 'selector')) as Readonly<Record<string, string>>;

/** The oldest of the workloads: its selector is a plain map, by default the labels of its template. */
export const replicationControllerStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const spec = objectOf(object.spec);
    const labels = templateLabels(object);
    const named = Object.keys(selectorOf(object)).length > 0 ? {} : { selector: labels };
    const own = Object.keys(objectOf(object.metadata.labels)).length > 0 ? {} : { labels };
    const template = spec['template'] === undefined ? {} : { template: templateDefaults(spec) };
    return { ...object, metadata: { ...object.metadata, ...own }, spec: { replicas: 1, ...spec, ...named, ...template } };
  },
  prepareForCreate: (object) => ({ ...object, status: { replicas: 0 } }),
  validate: (object) => {
    const spec = objectOf(object.spec);
    const replicas = numberOf(spec['replicas']);
    const template = objectOf(at(spec, 'template', 'spec'));
    const policy = textOf(template['restartPolicy']);
    const labels = templateLabels(object);
    const selector = selectorOf(object);
    return [
      ...(replicas < 0 ? [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')] : []),
      ...(Object.keys(selector).length === 0 ? [required('spec.selector')] : []),
      ...(spec['template'] === undefined ? [required('spec.template')] : validatePodSpec(template, 'spec.template.spec')),
      ...(matchesLabels({ matchLabels: selector }, labels)
        ? []
        : [invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]),
      ...(policy !== 'Always' && policy ? [unsupported('spec.template.spec.restartPolicy', policy, ['Always'])] : []),
    ];
  },
  selectableFields: { 'status.replicas': (object) => textOf(object.status?.['replicas']) },
};
