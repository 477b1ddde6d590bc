import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../api/kubernetes/kinds.ts';
import type { PolicyRule, RoleBinding, RoleRef, Subject } from '../../../api/kubernetes/types.generated.ts';
import type { Store } from '../../../store/store.ts';
import { objectAt } from '../registry/codec.ts';
import { keyOf, prefixOf } from '../registry/keys.ts';
import type { Attributes } from './attributes.ts';
import { ruleAllows } from './rbac-rules.ts';
import type { User } from './user.ts';

/** Rules that a binding gives to somebody. */
export interface Grant {
  readonly rules: readonly PolicyRule[];
  /** `ClusterRoleBinding "cluster-admin" of ClusterRole "cluster-admin" to Group "system:masters"` */
  readonly by: string;
}

/** Role-based access control over the roles and bindings in the store, read as they are now. */
export class Rbac {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Why it is allowed; undefined: nothing allows it. */
  allowedBy(user: User, asked: Attributes): string | undefined {
    const namespace = 'path' in asked ? undefined : asked.namespace;
    const grant = this.grants(user, namespace).find(({ rules }) => rules.some((rule) => ruleAllows(rule, asked)));
    return grant && `RBAC: allowed by ${grant.by}`;
  }

  /** Everything that bindings of the cluster and of the namespace give to the user. */
  grants(user: User, namespace: string | undefined): readonly Grant[] {
    const cluster = this.#bindings(prefixOf(clusterRoleBindings)).flatMap((one) => this.#grant(one, user, undefined));
    if (!namespace) return cluster;
    return [...cluster, ...this.#bindings(prefixOf(roleBindings, namespace)).flatMap((one) => this.#grant(one, user, namespace))];
  }

  rulesOf({ kind, name }: RoleRef, namespace: string | undefined): readonly PolicyRule[] {
    const key = kind === 'Role' ? keyOf(roles, namespace, name) : keyOf(clusterRoles, undefined, name);
    const entry = this.#store.get(key);
    return entry ? ((objectAt(entry)['rules'] ?? []) as readonly PolicyRule[]) : [];
  }

  #bindings(prefix: string): readonly RoleBinding[] {
    return this.#store.range(prefix).entries.map((entry) => objectAt(entry) as unknown as RoleBinding);
  }

  #grant(binding: RoleBinding, user: User, namespace: string | undefined): readonly Grant[] {
    const subject = binding.subjects?.find((one) => isMeant(one, user, namespace));
    if (!subject) return [];
    const { name = '', namespace: home } = binding.metadata;
    const title = home ? `RoleBinding "${name}/${home}"` : `ClusterRoleBinding "${name}"`;
    const { kind } = binding.roleRef;
    const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ?? namespace}` : subject.name;
    return [
      {
        rules: this.rulesOf(binding.roleRef, namespace),
        by: `${title} of ${kind} "${binding.roleRef.name}" to ${subject.kind} "${who}"`,
      },
    ];
  }
}

function isMeant(subject: Subject, user: User, namespace: string | undefined): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.name === user.name;
    case 'Group':
      return user.groups.includes(subject.name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${subject.namespace ?? namespace ?? ''}:${subject.name}`;
    default:
      return false;
  }
}
