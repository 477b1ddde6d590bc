import type { ClusterRole, ClusterRoleBinding, PolicyRule, Subject } from '../../../api/kubernetes/types.generated.ts';
import { uncovered } from './rbac-rules.ts';
import { autoupdate } from './role-shapes.ts';

/** A default role or binding, of a namespace or the cluster. */
type Access = Pick<ClusterRole, 'metadata'> &
  Partial<Pick<ClusterRole, 'rules' | 'aggregationRule'> & Pick<ClusterRoleBinding, 'roleRef' | 'subjects'>>;

/**
 * A default role or binding as this release wants it: what it lacks is added, what somebody added stays; `wanted` itself where the role that
 * a binding refers to is another one, since that cannot be changed. The very same object: nothing to do.
 * kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
 */
export function broughtUpToDate<T extends Access>(current: T, wanted: Access): T {
  if (current.metadata.annotations?.[autoupdate] === 'false') return current;
  const rules: readonly PolicyRule[] = wanted.aggregationRule ? [] : uncovered(current.rules ?? [], wanted.rules ?? []);
  const subjects = (wanted.subjects ?? []).filter((each) => !(current.subjects ?? []).some((one) => isSame(one, each)));
  const lacks = (kind: 'labels' | 'annotations'): boolean =>
    Object.entries(wanted.metadata[kind] ?? {}).some(([key, value]) => current.metadata[kind]?.[key] !== value);
  if (rules.length === 0 && subjects.length === 0 && !lacks('labels') && !lacks('annotations')) return current;
  return {
    ...current,
    metadata: {
      ...current.metadata,
      labels: { ...current.metadata.labels, ...wanted.metadata.labels },
      annotations: { ...current.metadata.annotations, ...wanted.metadata.annotations },
    },
    ...(rules.length > 0 && { rules: [...(current.rules ?? []), ...rules] }),
    ...(subjects.length > 0 && { subjects: [...(current.subjects ?? []), ...subjects] }),
  };
}

/** Whether a binding refers to another role than it should: then it is made anew. */
export function refersElsewhere(current: Access, wanted: Access): boolean {
  if (current.metadata.annotations?.[autoupdate] === 'false') return false;
  return wanted.roleRef !== undefined && (current.roleRef?.name !== wanted.roleRef.name || current.roleRef.kind !== wanted.roleRef.kind);
}

function isSame(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '') && (a.apiGroup ?? '') === (b.apiGroup ?? '');
}
