import type { PolicyRule } from '../../../api/kubernetes/types.generated.ts';
import type { Attributes } from './attributes.ts';

const has = (all: readonly string[] | undefined, one: string): boolean => all?.includes('*') === true || all?.includes(one) === true;

/** Whether a rule of a role grants what is asked. https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
export function ruleAllows(rule: PolicyRule, asked: Attributes): boolean {
  if (!has(rule.verbs, asked.verb)) return false;
  if ('path' in asked) return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, asked.path));
  const { group, resource, subresource, name } = asked;
  const isNamed = !rule.resourceNames?.length || (name !== undefined && rule.resourceNames.includes(name));
  return isNamed && has(rule.apiGroups, group) && resourceMatches(rule.resources ?? [], resource, subresource);
}

function resourceMatches(granted: readonly string[], resource: string, subresource: string | undefined): boolean {
  const full = subresource ? `${resource}/${subresource}` : resource;
  return granted.some((one) => one === '*' || one === full || (subresource !== undefined && one === `*/${subresource}`));
}

function pathMatches(pattern: string, path: string): boolean {
  return pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
}

/** What of `wanted` the rules `owned` do not grant, one verb of one resource each, as rules. */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  return wanted.flatMap(breakDown).filter((one) => !owned.some((rule) => covers(rule, one)));
}

/** One rule per verb, group, resource and name. */
function breakDown(rule: PolicyRule): readonly PolicyRule[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length > 0 ? resourceNames.map((name) => ({ resourceNames: [name] })) : [{}];
  const grants = apiGroups.flatMap((group) =>
    resources.flatMap((resource) => names.map((name) => ({ apiGroups: [group], resources: [resource], ...name }))),
  );
  const paths = nonResourceURLs.map((url) => ({ nonResourceURLs: [url] }));
  return verbs.flatMap((verb) => [...grants, ...paths].map((one) => ({ ...one, verbs: [verb] })));
}

function covers(owner: PolicyRule, one: PolicyRule): boolean {
  const all = (mine: readonly string[] | undefined, its: readonly string[] | undefined): boolean =>
    (its ?? []).every((value) => has(mine, value));
  if (!all(owner.verbs, one.verbs)) return false;
  if (one.nonResourceURLs) return one.nonResourceURLs.every((url) => owner.nonResourceURLs?.some((mine) => pathMatches(mine, url)));
  const isNamed = !owner.resourceNames?.length || (one.resourceNames ?? []).some((name) => owner.resourceNames?.includes(name));
  const [resource = '', subresource] = (one.resources?.[0] ?? '').split('/');
  return isNamed && all(owner.apiGroups, one.apiGroups) && resourceMatches(owner.resources ?? [], resource, subresource);
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}`, as upstream's escalation error lists them. */
export function printRule({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: PolicyRule): string {
  const parts = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['ResourceNames', resourceNames],
    ['NonResourceURLs', nonResourceURLs],
    ['Verbs', verbs],
  ] as const;
  const known = parts.flatMap(([label, values]) => (values?.length ? [`${label}:[${values.map((one) => `"${one}"`).join(' ')}]`] : []));
  return `{${known.join(', ')}}`;
}
