import { load } from 'js-yaml';
import { KindError, messageOf } from '../../../base/errors.ts';
import type { Attributes } from '../access/attributes.ts';
import type { User } from '../access/user.ts';
import { arrayOf, isObject, objectsOf, textOf, type JsonObject } from '../json.ts';

export const levels = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type Level = (typeof levels)[number];
const stages = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type Stage = (typeof stages)[number];

interface Rule {
  readonly level: Level;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly namespaces: readonly string[];
  readonly resources: readonly {
    readonly group: string;
    readonly resources: readonly string[];
    readonly resourceNames: readonly string[];
  }[];
  readonly nonResourceURLs: readonly string[];
  readonly omitStages: readonly Stage[];
  readonly omitManagedFields: boolean;
}

/** audit.k8s.io/v1 Policy: the first rule that a request matches says how much of it is written down. */
export interface AuditPolicy {
  readonly rules: readonly Rule[];
  readonly omitStages: readonly Stage[];
}

/** What is written of one request. */
export type Extent = Pick<Rule, 'level' | 'omitStages' | 'omitManagedFields'>;

/** Reads a policy file; says what is wrong with it, and where. */
export function parsePolicy(text: string, file: string): AuditPolicy {
  const fail = (why: string): never => {
    throw new KindError('invalid', `the audit policy ${file}: ${why}`);
  };
  let document: unknown;
  try {
    document = load(text);
  } catch (error) {
    fail(messageOf(error));
  }
  if (!isObject(document) || document['apiVersion'] !== 'audit.k8s.io/v1' || document['kind'] !== 'Policy')
    return fail('want apiVersion: audit.k8s.io/v1 and kind: Policy');
  const rules = objectsOf(document['rules']);
  if (rules.length === 0) fail('it has no rules: nothing would be written');
  const omitted = stagesOf(document['omitStages'], 'omitStages', fail);
  const omitManagedFields = document['omitManagedFields'] === true;
  return { rules: rules.map((rule, index) => ruleOf(rule, `rules[${index}]`, { omitted, omitManagedFields }, fail)), omitStages: omitted };
}

const texts = (value: unknown): readonly string[] => arrayOf(value).map(textOf);

function stagesOf(value: unknown, field: string, fail: (why: string) => never): readonly Stage[] {
  return texts(value).map((one) => stages.find((stage) => stage === one) ?? fail(`${field}: "${one}" is none of ${stages.join(', ')}`));
}

function ruleOf(
  rule: JsonObject,
  field: string,
  whole: { readonly omitted: readonly Stage[]; readonly omitManagedFields: boolean },
  fail: (why: string) => never,
): Rule {
  const level =
    levels.find((one) => one === rule['level']) ?? fail(`${field}.level: "${textOf(rule['level'])}" is none of ${levels.join(', ')}`);
  const resources = objectsOf(rule['resources']).map((one) => ({
    group: textOf(one['group']),
    resources: texts(one['resources']),
    resourceNames: texts(one['resourceNames']),
  }));
  const nonResourceURLs = texts(rule['nonResourceURLs']);
  const namespaces = texts(rule['namespaces']);
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0))
    fail(`${field}.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs`);
  return {
    level,
    users: texts(rule['users']),
    userGroups: texts(rule['userGroups']),
    verbs: texts(rule['verbs']),
    namespaces,
    resources,
    nonResourceURLs,
    omitStages: [...whole.omitted, ...stagesOf(rule['omitStages'], `${field}.omitStages`, fail)],
    omitManagedFields: typeof rule['omitManagedFields'] === 'boolean' ? rule['omitManagedFields'] : whole.omitManagedFields,
  };
}

export function extentOf(policy: AuditPolicy, user: User | undefined, asked: Attributes): Extent {
  const rule = policy.rules.find((one) => matches(one, user, asked));
  return rule ?? { level: 'None', omitStages: policy.omitStages, omitManagedFields: false };
}

function matches(rule: Rule, user: User | undefined, asked: Attributes): boolean {
  if (rule.users.length > 0 && (!user || !rule.users.includes(user.name))) return false;
  if (rule.userGroups.length > 0 && !user?.groups.some((one) => rule.userGroups.includes(one))) return false;
  if (rule.verbs.length > 0 && !rule.verbs.includes(asked.verb)) return false;
  if (rule.namespaces.length > 0 || rule.resources.length > 0) return !('path' in asked) && matchesResource(rule, asked);
  if (rule.nonResourceURLs.length > 0) return 'path' in asked && rule.nonResourceURLs.some((one) => matchesPath(asked.path, one));
  return true;
}

function matchesPath(path: string, pattern: string): boolean {
  return pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
}

function matchesResource(rule: Rule, asked: Exclude<Attributes, { readonly path: string }>): boolean {
  const { group, resource, subresource = '', namespace = '', name = '' } = asked;
  if (rule.namespaces.length > 0 && !rule.namespaces.includes(namespace)) return false;
  if (rule.resources.length === 0) return true;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const isNamed = (pattern: string): boolean =>
    pattern === '*' || pattern === full || (subresource !== '' && pattern === `*/${subresource}`) || pattern === `${resource}/*`;
  return rule.resources
    .filter((one) => one.group === group)
    .some(
      (one) =>
        one.resources.length === 0 || ((one.resourceNames.length === 0 || one.resourceNames.includes(name)) && one.resources.some(isNamed)),
    );
}
