import { arrayOf, equal, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { checkSubdomain } from './names.ts';
import { baseStrategy, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';

const group = 'rbac.authorization.k8s.io';

function checkRule(field: string, rule: JsonObject, isNamespaced: boolean): readonly FieldCause[] {
  const [verbs, urls] = [arrayOf(rule['verbs']), arrayOf(rule['nonResourceURLs'])];
  const [groups, resources, names] = [arrayOf(rule['apiGroups']), arrayOf(rule['resources']), arrayOf(rule['resourceNames'])];
  const noVerbs = verbs.length === 0 ? [required(`${field}.verbs`, 'verbs must contain at least one value')] : [];
  if (urls.length > 0) {
    const isMixed = groups.length > 0 || resources.length > 0 || names.length > 0;
    return [
      ...noVerbs,
      ...(isNamespaced ? [invalid(`${field}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs')] : []),
      ...(isMixed ? [invalid(`${field}.nonResourceURLs`, urls, 'rules cannot apply to both regular resources and non-resource URLs')] : []),
    ];
  }
  return [
    ...noVerbs,
    ...(groups.length === 0 ? [required(`${field}.apiGroups`, 'resource rules must supply at least one api group')] : []),
    ...(resources.length === 0 ? [required(`${field}.resources`, 'resource rules must supply at least one resource')] : []),
  ];
}

const checkRules =
  (isNamespaced: boolean) =>
  (object: Body): readonly FieldCause[] =>
    objectsOf(object['rules']).flatMap((rule, index) => checkRule(`rules[${index}]`, rule, isNamespaced));

/** A role without rules has `rules: null`, as upstream shows it. */
const withRules = (object: Body): Body => ({ ...object, rules: object['rules'] ?? null });

export const roleStrategy: Strategy = { ...baseStrategy, defaults: withRules, validate: checkRules(true) };
export const clusterRoleStrategy: Strategy = { ...baseStrategy, defaults: withRules, validate: checkRules(false) };

const subjectGroup = (kind: unknown): string => (kind === 'ServiceAccount' ? '' : group);

function bindingDefaults(object: Body): Body {
  const subjects = objectsOf(object['subjects']).map((one) => {
    const apiGroup = textOf(one['apiGroup']) || subjectGroup(one['kind']);
    return { ...one, ...(apiGroup && { apiGroup }) };
  });
  return {
    ...object,
    roleRef: { ...objectOf(object['roleRef']), apiGroup: textOf(objectOf(object['roleRef'])['apiGroup']) || group },
    ...(object['subjects'] !== undefined && { subjects }),
  };
}

function checkSubject(field: string, subject: JsonObject, isNamespaced: boolean): readonly FieldCause[] {
  const [kind, name, apiGroup] = [textOf(subject['kind']), textOf(subject['name']), textOf(subject['apiGroup'])];
  if (!name) return [required(`${field}.name`)];
  if (!['ServiceAccount', 'User', 'Group'].includes(kind)) {
    return [unsupported(`${field}.kind`, kind, ['Group', 'ServiceAccount', 'User'])];
  }
  const wanted = subjectGroup(kind);
  const wrongGroup = apiGroup === wanted ? [] : [unsupported(`${field}.apiGroup`, apiGroup, [wanted])];
  if (kind !== 'ServiceAccount') return wrongGroup;
  const noHome = subject['namespace'] || isNamespaced ? [] : [required(`${field}.namespace`)];
  return [...checkSubdomain(`${field}.name`, name), ...wrongGroup, ...noHome];
}

function checkBinding(object: Body, isNamespaced: boolean): readonly FieldCause[] {
  const ref = objectOf(object['roleRef']);
  const kinds = isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  return [
    ...(ref['apiGroup'] === group ? [] : [unsupported('roleRef.apiGroup', ref['apiGroup'] ?? '', [group])]),
    ...(kinds.includes(textOf(ref['kind'])) ? [] : [unsupported('roleRef.kind', ref['kind'] ?? '', kinds)]),
    ...(textOf(ref['name']) ? [] : [required('roleRef.name')]),
    ...objectsOf(object['subjects']).flatMap((one, index) => checkSubject(`subjects[${index}]`, one, isNamespaced)),
  ];
}

const sameRole = (object: Body, before: Body): readonly FieldCause[] =>
  equal(object['roleRef'], before['roleRef']) ? [] : [invalid('roleRef', object['roleRef'], 'cannot change roleRef')];

export const roleBindingStrategy: Strategy = {
  ...baseStrategy,
  defaults: bindingDefaults,
  validate: (object) => checkBinding(object, true),
  validateUpdate: sameRole,
};
export const clusterRoleBindingStrategy: Strategy = { ...roleBindingStrategy, validate: (object) => checkBinding(object, false) };
