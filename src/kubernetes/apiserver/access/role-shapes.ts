import type { ClusterRole, ClusterRoleBinding, PolicyRule, Subject } from '../../../api/kubernetes/types.generated.ts';

export const rbacGroup = 'rbac.authorization.k8s.io';

/** `rule('apps batch', 'deployments jobs', read)`; the core group is `-`. */
export function rule(groups: string, resources: string, verbs: readonly string[], resourceNames?: readonly string[]): PolicyRule {
  return {
    apiGroups: groups.split(' ').map((one) => (one === '-' ? '' : one)),
    resources: resources.split(' '),
    verbs,
    ...(resourceNames && { resourceNames }),
  };
}

/** What every cluster starts with is brought up to date at each start unless its annotation is made "false". */
export const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';

export const metadata = (name: string, more: Readonly<Record<string, string>> = {}, namespace?: string): ClusterRole['metadata'] => ({
  name,
  ...(namespace && { namespace }),
  annotations: { [autoupdate]: 'true' },
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...more },
});

export function clusterRole(name: string, rules: readonly PolicyRule[], labels: Readonly<Record<string, string>> = {}): ClusterRole {
  return { apiVersion: `${rbacGroup}/v1`, kind: 'ClusterRole', metadata: metadata(name, labels), rules };
}

export const subject = (kind: string, name: string): Subject => ({ apiGroup: rbacGroup, kind, name });

export const account = (name: string): Subject => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' });

export function binding(name: string, role: string, ...subjects: readonly Subject[]): ClusterRoleBinding {
  const roleRef = { apiGroup: rbacGroup, kind: 'ClusterRole', name: role };
  return { apiVersion: `${rbacGroup}/v1`, kind: 'ClusterRoleBinding', metadata: metadata(name), roleRef, subjects };
}
