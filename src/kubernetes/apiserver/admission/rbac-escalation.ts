import type { PolicyRule, RoleRef } from '../../../api/kubernetes/types.generated.ts';
import { printRule, uncovered } from '../access/rbac-rules.ts';
import { objectOf, textOf } from '../json.ts';
import type { AdmissionRequest } from '../registry/admission.ts';
import { equal } from '../json.ts';
import { forbidden } from '../status.ts';
import type { AdmissionContext, AdmissionPlugin } from './plugin.ts';

const kinds = new Set(['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings']);

/** Nobody gives rights that they do not have themselves, unless they may `escalate` roles or `bind` the role. */
export const rbacEscalation: AdmissionPlugin = {
  name: 'RBACEscalation',
  validate(request, context) {
    const { resource, operation, user } = request;
    if (resource.group !== 'rbac.authorization.k8s.io' || !kinds.has(resource.resource) || operation === 'DELETE') return;
    if (user.groups.includes('system:masters') || isUnchanged(request)) return;
    const wanted = resource.resource.endsWith('bindings') ? boundRules(request, context) : roleRules(request, context);
    const held = context.authorizer.grants(user, request.namespace).flatMap(({ rules }) => rules);
    const missing = uncovered(held, wanted);
    if (missing.length === 0) return;
    const who = `user "${user.name}" (groups=[${user.groups.map((one) => `"${one}"`).join(' ')}])`;
    const text = `${who} is attempting to grant RBAC permissions not currently held:\n${missing.map(printRule).join('\n')}`;
    throw forbidden(resource, request.name, text);
  },
};

function isUnchanged({ object, before }: AdmissionRequest): boolean {
  if (!before) return false;
  return ['rules', 'aggregationRule', 'roleRef', 'subjects'].every((field) => equal(object[field], before[field]));
}

function roleRules({ resource, object, user, namespace, name }: AdmissionRequest, { authorizer }: AdmissionContext): readonly PolicyRule[] {
  const asked = { verb: 'escalate', group: resource.group, resource: resource.resource, namespace, name };
  return authorizer.verdict(user, asked).allowed ? [] : ((object['rules'] ?? []) as readonly PolicyRule[]);
}

function boundRules({ resource, object, user, namespace }: AdmissionRequest, { authorizer }: AdmissionContext): readonly PolicyRule[] {
  const ref = objectOf(object['roleRef']);
  const kind = textOf(ref['kind']) === 'Role' ? 'roles' : 'clusterroles';
  const name = textOf(ref['name']);
  const asked = { verb: 'bind', group: resource.group, resource: kind, namespace, name };
  return authorizer.verdict(user, asked).allowed ? [] : authorizer.rbac.rulesOf(ref as unknown as RoleRef, namespace);
}
