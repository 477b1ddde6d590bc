import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { validatingAdmissionPolicies, validatingAdmissionPolicyBindings } from '../../../api/kubernetes/kinds.ts';
import type {
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from '../../../api/kubernetes/types.generated.ts';
import { messageOf } from '../../../base/errors.ts';
import { compile, policyVariables } from '../cel/environment.ts';
import { celValue } from '../cel/values.ts';
import { textOf } from '../json.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import { objectAt } from '../registry/codec.ts';
import { prefixOf } from '../registry/keys.ts';
import type { Registry } from '../registry/registry.ts';
import { resourceOf } from '../resources.ts';
import { denied, qualified } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { isExempt, ruleMatches, selectorsMatch } from './matching.ts';
import { expressionFacts } from './request-facts.ts';

type Facts = Readonly<Record<string, unknown>>;

interface Failure {
  readonly message: string;
  readonly reason: string;
}

/** ValidatingAdmissionPolicies, for each of their bindings: deny, or warn. */
export function validateByPolicies(request: AdmissionRequest, registry: Registry): void {
  if (isExempt(request)) return;
  const bindings = registry.store.range(prefixOf(validatingAdmissionPolicyBindings)).entries;
  if (bindings.length === 0) return;
  for (const entry of bindings) {
    const binding = objectAt(entry) as unknown as ValidatingAdmissionPolicyBinding;
    const policy = registry.peek(resourceOf(validatingAdmissionPolicies), { name: binding.spec?.policyName ?? '' });
    if (policy) judge(policy as unknown as ValidatingAdmissionPolicy, binding, request, registry);
  }
}

function judge(
  policy: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
  request: AdmissionRequest,
  registry: Registry,
): void {
  if (!isAbout(policy.spec?.matchConstraints, request, registry) || !isAbout(binding.spec?.matchResources, request, registry, true)) return;
  const actions = binding.spec?.validationActions ?? [];
  const [first] = failuresOf(policy, binding, request, registry);
  if (!first) return;
  const who = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`;
  if (actions.includes('Warn')) request.warn(`Validation failed for ${who}: ${first.message}`);
  if (!actions.includes('Deny')) return;
  const text = `${qualified(request.resource)} "${request.name}" is forbidden: ${who} denied request: ${first.message}`;
  throw denied(text, first.reason, 0, { group: request.resource.group, kind: request.resource.resource, name: request.name });
}

function isAbout(match: MatchResources | undefined, request: AdmissionRequest, registry: Registry, isOptional = false): boolean {
  if (!match) return isOptional;
  const { resourceRules, excludeResourceRules = [] } = match;
  if (excludeResourceRules.some((rule) => ruleMatches(rule, request))) return false;
  const isNamed =
    resourceRules === undefined || resourceRules.length === 0 ? isOptional : resourceRules.some((rule) => ruleMatches(rule, request));
  return isNamed && selectorsMatch(match, request, registry);
}

/** What the policy has against the request, once for every object of parameters. */
function failuresOf(
  { spec }: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
  request: AdmissionRequest,
  registry: Registry,
): readonly Failure[] {
  const isFatal = spec?.failurePolicy !== 'Ignore';
  const broken = (message: string): readonly Failure[] => (isFatal ? [{ message, reason: 'Invalid' }] : []);
  try {
    const base = expressionFacts(request, registry);
    if (!(spec?.matchConditions ?? []).every(({ expression }) => evaluate(expression, base) === true)) return [];
    const params = paramsFor(spec, binding, request, registry);
    if (params === undefined) {
      if (binding.spec?.paramRef?.parameterNotFoundAction === 'Allow') return [];
      return broken('failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction');
    }
    return params.flatMap((one) => {
      const facts = withVariables(spec, { ...base, params: one ? celValue(one) : null });
      return (spec?.validations ?? []).flatMap((validation) => failureOf(validation, facts, broken));
    });
  } catch (error) {
    return broken(messageOf(error));
  }
}

const evaluate = (expression: string, facts: Facts): unknown => compile(expression, policyVariables)(facts);

/** Each variable may speak of those before it. */
function withVariables(spec: ValidatingAdmissionPolicy['spec'], facts: Facts): Facts {
  return (spec?.variables ?? []).reduce<Facts>(
    (known, { name, expression }) => ({ ...known, variables: { ...(known['variables'] as Facts), [name]: evaluate(expression, known) } }),
    facts,
  );
}

function failureOf(validation: Validation, facts: Facts, broken: (message: string) => readonly Failure[]): readonly Failure[] {
  const { expression, message, messageExpression, reason = 'Invalid' } = validation;
  try {
    if (evaluate(expression, facts) === true) return [];
  } catch (error) {
    return broken(`expression '${expression}' resulted in error: ${messageOf(error).split('\n')[0]}`);
  }
  return [{ message: expressed(messageExpression, facts) || message || `failed expression: ${expression.trim()}`, reason }];
}

function expressed(expression: string | undefined, facts: Facts): string {
  try {
    return expression ? textOf(evaluate(expression, facts)) : '';
  } catch {
    return '';
  }
}

/** The objects that the binding names as parameters; one undefined where the policy takes none, undefined where none is found. */
function paramsFor(
  spec: ValidatingAdmissionPolicy['spec'],
  binding: ValidatingAdmissionPolicyBinding,
  request: AdmissionRequest,
  registry: Registry,
): readonly (Body | undefined)[] | undefined {
  const { paramKind } = spec ?? {};
  const ref = binding.spec?.paramRef;
  if (!paramKind || !ref) return [undefined];
  const [version = '', group = ''] = (paramKind.apiVersion ?? '').split('/').toReversed();
  const resource = registry.catalog.findKind(group, version, paramKind.kind ?? '');
  if (!resource) throw new Error(`failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`);
  const namespace = resource.namespaced ? (ref.namespace ?? request.namespace) : undefined;
  if (ref.name) {
    const found = registry.peek(resource, { namespace, name: ref.name });
    return found ? [found] : undefined;
  }
  const all = registry.store.range(prefixOf(resource, namespace)).entries.map(objectAt);
  const chosen = all.filter(({ metadata }) => matchesLabels(ref.selector ?? {}, metadata.labels ?? {}));
  return chosen.length > 0 ? chosen : undefined;
}
