import { local, withVerdict } from '../aggregation/availability.ts';
import type { APIService } from '../../../api/kubernetes/types.generated.ts';
import { numberOf, objectOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { checkDnsLabel, checkSubdomain } from './names.ts';
import { baseStrategy, invalid, required, type Body, type Strategy } from './strategy.ts';

function validate({ metadata, spec = {} }: Body): readonly FieldCause[] {
  const [group, version] = [textOf(spec['group']), textOf(spec['version'])];
  const name = metadata.name ?? '';
  const wanted = `${version}.${group}`;
  return [
    ...(name === wanted ? [] : [invalid('metadata.name', name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`)]),
    ...(group === '' && version !== 'v1' ? [required('spec.group', 'only v1 may have an empty group and it better be legacy kube')] : []),
    ...(group === '' ? [] : checkSubdomain('spec.group', group)),
    ...checkDnsLabel('spec.version', version),
    ...between(spec, 'groupPriorityMinimum', 20_000),
    ...between(spec, 'versionPriority', 1000),
    ...(spec['service'] === undefined ? validateLocal(spec) : validateRemote(spec)),
  ];
}

function between(spec: JsonObject, field: string, most: number): readonly FieldCause[] {
  const value = numberOf(spec[field]);
  return value > 0 && value <= most ? [] : [invalid(`spec.${field}`, value, `must be positive and less than ${most}`)];
}

function validateLocal(spec: JsonObject): readonly FieldCause[] {
  const bundle = Buffer.from(textOf(spec['caBundle']), 'base64').length;
  return [
    ...(bundle > 0 ? [invalid('spec.caBundle', `${bundle} bytes`, 'local APIServices may not have a caBundle')] : []),
    ...(spec['insecureSkipTLSVerify'] === true
      ? [invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify')]
      : []),
  ];
}

function validateRemote(spec: JsonObject): readonly FieldCause[] {
  const service = objectOf(spec['service']);
  return [
    ...(textOf(service['namespace']) ? [] : [required('spec.service.namespace')]),
    ...(textOf(service['name']) ? [] : [required('spec.service.name')]),
    ...(spec['insecureSkipTLSVerify'] === true && textOf(spec['caBundle'])
      ? [invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present')]
      : []),
  ];
}

export const apiServiceStrategy: Strategy = {
  ...baseStrategy,
  defaults: (object) => {
    const service = object.spec?.['service'];
    if (service === undefined) return object;
    return { ...object, spec: { ...object.spec, service: { port: 443, ...objectOf(service) } } };
  },
  prepareForCreate: (object) => {
    if (object.spec?.['service'] !== undefined) return object;
    const status = withVerdict(object as unknown as APIService, local, new Date());
    return { ...object, status: status as unknown as Body['status'] };
  },
  validate,
};
