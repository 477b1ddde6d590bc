import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { namespaces } from '../../../api/kubernetes/kinds.ts';
import type { LabelSelector } from '../../../api/kubernetes/types.generated.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import type { Registry } from '../registry/registry.ts';
import { resourceOf } from '../resources.ts';
import type { Body } from '../strategies/strategy.ts';

export interface RequestRule {
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly operations?: readonly string[];
  readonly scope?: string;
}

const has = (all: readonly string[] | undefined, one: string): boolean => all?.includes('*') === true || all?.includes(one) === true;

/** Whether a rule of a webhook or a policy is about this request. */
export function ruleMatches(rule: RequestRule, { resource, subresource, operation, name }: AdmissionRequest): boolean {
  const full = subresource ? `${resource.resource}/${subresource}` : resource.resource;
  const isMeant = (rule.resources ?? []).some(
    (one) =>
      one === full ||
      one === '*/*' ||
      (one === '*' && subresource === undefined) ||
      one === `${resource.resource}/*` ||
      (subresource !== undefined && one === `*/${subresource}`),
  );
  const scope = rule.scope ?? '*';
  return (
    isMeant &&
    has(rule.apiGroups, resource.group) &&
    has(rule.apiVersions, resource.version) &&
    has(rule.operations, operation) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(name)) &&
    (scope === '*' || (scope === 'Namespaced') === resource.namespaced)
  );
}

interface Selectors {
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
}

/** Labels of the request's namespace, and of the object before or after, must be as selected. */
export function selectorsMatch({ namespaceSelector, objectSelector }: Selectors, request: AdmissionRequest, registry: Registry): boolean {
  if (namespaceSelector && !isEmpty(namespaceSelector)) {
    const labels = namespaceOf(request, registry)?.metadata.labels;
    if (request.resource.namespaced || request.resource.resource === 'namespaces') {
      if (!matchesLabels(namespaceSelector, labels ?? {})) return false;
    }
  }
  if (!objectSelector || isEmpty(objectSelector)) return true;
  return [request.object, request.before].some((one) => one !== undefined && matchesLabels(objectSelector, one.metadata.labels ?? {}));
}

const isEmpty = (selector: LabelSelector): boolean =>
  Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;

/** The namespace that a request is about: its object's, or the object itself. */
export function namespaceOf({ resource, namespace, object }: AdmissionRequest, registry: Registry): Body | undefined {
  if (resource.resource === namespaces.resource && resource.group === '') return object;
  return namespace === undefined ? undefined : registry.peek(resourceOf(namespaces), { name: namespace });
}

/** What keeps the API server in order is not given out of hand: a webhook could lock everybody out of itself. */
export const isExempt = ({ resource }: AdmissionRequest): boolean => resource.group === 'admissionregistration.k8s.io';
